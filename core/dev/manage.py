"""`make manage`: run a command of manage.py with the settings of the running demo."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import psutil

from core.dev.supervisor import OWNER


def main() -> NoReturn:
    """Become the command, in this environment and that of the demo's processes."""
    data_dir = str(Path(os.environ.get("DATA_DIR") or ".data").resolve())
    for process in psutil.process_iter(["environ"]):
        environ = process.info["environ"] or {}
        if environ.get(OWNER) == data_dir:
            command = [sys.executable, "manage.py", *sys.argv[1:]]
            os.execve(sys.executable, command, {**os.environ, **environ})
    raise SystemExit(f"make manage: no demo uses {data_dir}; start it with `make run`")


if __name__ == "__main__":
    main()
