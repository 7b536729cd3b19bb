"""The memory of a web process is limited, and free memory is returned."""

import gc
import subprocess
import sys

import psutil
from celery.signals import celeryd_after_setup

from core.server.memory import trim_memory

HUNGRY = """
from core.server.memory import limit_memory
limit_memory(200)
small = bytearray(50_000_000)
try:
    bytearray(200_000_000)
except MemoryError:
    print("limited", len(small))
"""


def test_allocations_beyond_the_limit_fail() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY], capture_output=True, text=True, check=True
    )
    assert done.stdout == "limited 50000000\n"


def test_free_memory_is_returned() -> None:
    process = psutil.Process()
    # Below glibc's mmap threshold; larger blocks are returned immediately.
    texts = [b"x" * 10_000 + bytes([number % 256]) for number in range(10_000)]
    kept = texts[-1]
    held = process.memory_info().rss
    del texts
    trim_memory()
    assert len(kept) == 10_001
    assert held - process.memory_info().rss > 50_000_000


def test_processes_of_a_worker_collect_no_objects_of_the_main_process() -> None:
    """Collecting them would copy their memory into each process."""
    objects = [[number] for number in range(1_000)]
    before = gc.get_freeze_count()
    celeryd_after_setup.send(sender="worker@localhost", instance=None, conf=None)
    assert gc.get_freeze_count() >= before + len(objects)
