"""Where the workers of one gunicorn keep their counters; made before core/server/metrics.py."""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "roster-metrics-"
# A directory that was just made may not be locked yet.
SETTLED_SECONDS: Final = 60


def make_metrics_directory(parent: str | None) -> str:
    """Make a directory that goes with this process, and remove what killed ones left behind.

    Whoever uses one, master and workers, holds a lock on it.
    """
    for left in Path(parent or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # It may be in use, somebody else's, or be removed by another at the same time.
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > SETTLED_SECONDS:
                _lock(left)
                shutil.rmtree(left)
    directory = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
    _lock(Path(directory))
    atexit.register(_remove, directory, os.getpid())
    return directory


def _lock(directory: Path) -> None:
    """Lock until this process and all that it forks have ended. Raises `OSError` if others do."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise


def _remove(directory: str, owner: int) -> None:
    """Remove what one process made; those that it forked end by the same code."""
    if os.getpid() == owner:
        shutil.rmtree(directory)
