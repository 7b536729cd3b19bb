"""Memory limits of a web process.

Responses are bounded while they are built, large ones are built one at a time, and their memory is
returned to the kernel. The limit here is the last resort: an allocation beyond it fails, so one
request fails instead of the OOM killer ending the process with all its requests.
"""

import ctypes
import resource
from functools import cache
from typing import Any, Final

MEGABYTE: Final = 1_000_000


def limit_memory(megabytes: int) -> None:
    """Limit the private writable memory of this process; 0 sets no limit.

    Reserved address space, such as glibc's arenas of threads, does not count (`RLIMIT_DATA` in
    getrlimit(2)).
    """
    if megabytes:
        _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEGABYTE, hard))


def trim_memory() -> None:
    """Return free memory to the kernel, also from the middle of the heap."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    """Return glibc's malloc_trim(3); None for other C libraries."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
