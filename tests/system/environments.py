"""The environment variables of deployments."""

import os
import re
import subprocess
import sys
from typing import Final

from tests.system.repository import ROOT, text

SECRET_KEY: Final = "k" * 50
# One for each queue; the first also consumes that of former releases.
WORKERS: Final = ("worker", "worker-bulk", "worker-mail", "worker-periodic", "worker-webhooks")
READS_VARIABLE: Final = re.compile(r"env\.\w+\(\s*\"(\w+)\"")


def variables_read() -> set[str]:
    """Return the environment variables of the settings and gunicorn's configuration."""
    files = ("core/settings.py", "gunicorn.conf.py")
    return {name for file in files for name in READS_VARIABLE.findall(text(file))}


def example_secret(name: str = "secret") -> dict[str, str]:
    lines = [line for line in text(f"k8s/base/{name}.example.env").splitlines() if line[:1] != "#"]
    return dict(line.split("=", 1) for line in lines)


def assert_starts_with(environment: dict[str, str]) -> None:
    """Assert that gunicorn loads the service with these variables only."""
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--check-config"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
