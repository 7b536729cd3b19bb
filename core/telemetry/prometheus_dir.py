"""The directory of the workers' counters; must exist before `prometheus_client` is imported."""

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
# A younger directory may not be locked yet.
SETTLED_SECONDS: Final = 60


def make_metrics_directory(parent: str | None) -> str:
    """Create the directory of this process, and delete those of killed processes.

    The master and its workers hold a lock on their directory. It is deleted at exit.
    """
    for stale in Path(parent or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # It may be in use, owned by another user, or deleted concurrently.
        with suppress(OSError):
            if time.time() - stale.stat().st_mtime > SETTLED_SECONDS:
                _lock(stale)
                shutil.rmtree(stale)
    directory = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
    _lock(Path(directory))
    atexit.register(_remove, directory, os.getpid())
    return directory


def _lock(directory: Path) -> None:
    """Lock until this process and its children end. Raises `OSError` if already locked."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise


def _remove(directory: str, owner: int) -> None:
    """Delete the directory in its owner only; forked workers run this at exit, too."""
    if os.getpid() == owner:
        shutil.rmtree(directory)
