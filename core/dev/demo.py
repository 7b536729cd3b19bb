"""`make run`: the whole service on one machine, with few processes."""

import sys
from pathlib import Path
from typing import Final

from honcho.manager import Manager

from core.dev.supervisor import WEB, WORKER, Group, add_restarted
from core.outbox.queues import Queue


def _add_processes(manager: Manager, _data_dir: Path, _port: int) -> str:
    manager.add_process("web", f"exec {WEB}")
    add_restarted(manager, "mail", f"{WORKER} --concurrency 1 --queues {Queue.MAIL}")
    add_restarted(manager, "worker", f"{WORKER} --concurrency 2 --exclude-queues {Queue.MAIL}")
    return ""


DEMO: Final = Group("run", ".data", _add_processes)

if __name__ == "__main__":
    sys.exit(DEMO.run())
