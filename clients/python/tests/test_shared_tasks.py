"""Tasks that callers share."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from roster_client.runtimes import AsyncioSharedTask, ThreadSharedTask, run


def waiting_threads() -> int:
    """Return how many threads wait for a run of another one."""
    stacks = map(traceback.extract_stack, sys._current_frames().values())  # noqa: SLF001
    return sum(any("outcome.result()" in (frame.line or "") for frame in each) for each in stacks)


def test_threads_share_the_failure_of_a_run() -> None:
    shared = ThreadSharedTask[int]()
    started, finished = threading.Event(), threading.Event()
    runs = 0

    async def fail() -> int:
        nonlocal runs
        runs += 1
        started.set()
        finished.wait()
        raise ValueError("The service cannot be reached.")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(lambda: run(shared(fail)))
        started.wait()
        others = [pool.submit(lambda: run(shared(fail))) for _number in range(2)]
        while runs == 1 and waiting_threads() < len(others):
            time.sleep(0.001)
        finished.set()
        for future in [first, *others]:
            with pytest.raises(ValueError, match="reached"):
                future.result()

    assert runs == 1


def test_next_run_starts_after_a_failure() -> None:
    shared = ThreadSharedTask[int]()

    async def fail() -> int:
        raise ValueError("The service cannot be reached.")

    async def succeed() -> int:
        return 1

    with pytest.raises(ValueError, match="reached"):
        run(shared(fail))

    assert run(shared(succeed)) == 1


def test_tasks_share_a_run_whose_caller_is_cancelled() -> None:
    shared = AsyncioSharedTask[int]()
    runs = 0

    async def count() -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)
        return runs

    async def cancel_the_first() -> tuple[int, int]:
        first = asyncio.create_task(shared(count))
        second = asyncio.create_task(shared(count))
        await asyncio.sleep(0)
        first.cancel()
        return await second, await shared(count)

    assert asyncio.run(cancel_the_first()) == (1, 2)


def test_flow_of_the_sync_client_never_suspends() -> None:
    with pytest.raises(RuntimeError):
        run(asyncio.sleep(0))
