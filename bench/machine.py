"""The machine: cores, affinity, processor time and description."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil


def cores() -> tuple[int, int]:
    """Return the core of the servers under test, and the core of all other processes.

    Exits unless the machine has two cores and supports affinity.
    """
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("make bench: processes can be kept on their cores under Linux only")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:  # noqa: PLR2004
        sys.exit("make bench: needs two cores, one of them for the server under test")
    return usable[-1], usable[-2]


@contextmanager
def pin_to_core(core: int) -> Iterator[None]:
    """Pin this thread, and processes that it starts within the block, to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its children, including ended ones."""
    total = 0.0
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        with each.oneshot():
            times = each.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system
    return total


def describe(versions: dict[str, str]) -> dict[str, Any]:
    """Return the hardware, the system and the versions."""
    return {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "versions": {"Python": platform.python_version()} | versions,
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _colon, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
