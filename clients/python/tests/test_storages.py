"""Storages in files, which threads, tasks and processes share."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from roster_client.files import AsyncFileStorage, FileStorage

TIMES: Final = 20
# Adds one to the number in a file, several times.
PROCESS: Final = """
import sys
from roster_client.files import FileStorage

storage = FileStorage(sys.argv[1])
for _time in range(20):
    with storage.lock():
        storage.save(str(int(storage.load()) + 1))
"""


def test_file_is_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    storage = FileStorage(path)
    assert storage.load() is None

    storage.save("first")
    storage.save("second")

    assert storage.load() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lock_excludes_processes_and_threads(tmp_path: Path) -> None:
    path = tmp_path / "number"
    storage = FileStorage(path)
    storage.save("0")

    def add(_number: int) -> None:
        with storage.lock():
            storage.save(str(int(storage.load() or "") + 1))

    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, path]) for _number in range(2)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(TIMES)))
    assert [process.wait(timeout=60) for process in processes] == [0, 0]

    assert storage.load() == str(3 * TIMES)


def test_lock_excludes_tasks_of_one_loop(tmp_path: Path) -> None:
    storage = AsyncFileStorage(tmp_path / "number")

    async def add() -> None:
        async with storage.lock():
            number = int(await storage.load() or "0")
            await asyncio.sleep(0)
            await storage.save(str(number + 1))

    async def add_many() -> str | None:
        await asyncio.gather(*(add() for _time in range(TIMES)))
        return await storage.load()

    assert asyncio.run(add_many()) == str(TIMES)
