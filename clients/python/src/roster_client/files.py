"""Storages in a file, which the processes of one POSIX machine share."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

# Between two attempts of a task to lock the file.
POLL_SECONDS: Final = 0.02


class FileStorage:
    """A `TokenStorage` in a file that only its user may read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Use this file, which need not exist, in a folder that does."""
        self._path = Path(path)

    def load(self) -> str | None:
        """Return the file's text, None if there is no file."""
        return _read(self._path)

    def save(self, text: str) -> None:
        """Replace the file in one step, so that no reader sees a part of it."""
        _write(self._path, text)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude the other processes, and the other threads of this one."""
        with _lock_file(self._path) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield


class AsyncFileStorage:
    """An `AsyncTokenStorage` in a file that only its user may read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Use this file, which need not exist, in a folder that does."""
        self._path = Path(path)

    async def load(self) -> str | None:
        """Return the file's text, None if there is no file."""
        return _read(self._path)

    async def save(self, text: str) -> None:
        """Replace the file in one step, so that no reader sees a part of it."""
        _write(self._path, text)

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Exclude the other processes, and the other tasks, which a blocking call would stop."""
        with _lock_file(self._path) as descriptor:
            while not _try_to_lock(descriptor):  # noqa: ASYNC110 - another process unlocks it
                await asyncio.sleep(POLL_SECONDS)
            yield


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    """Write a file that only its user may read; the caller has the lock."""
    written = path.with_name(f"{path.name}.new")
    written.unlink(missing_ok=True)
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    written.replace(path)


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    """Open the file to lock, beside the one that is replaced; closing it unlocks."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_to_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
