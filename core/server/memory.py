"""What bounds the memory of a web process.

An answer is bounded while it is made, large answers are made one by one, and what they took goes
back to the kernel. The limit here is the last resort: beyond it allocations fail, and a request
ends with an error instead of the kernel ending the process with all its requests.
"""

import ctypes
import resource
from functools import cache
from typing import Any, Final

MEGABYTE: Final = 1_000_000


def limit_memory(megabytes: int) -> None:
    """Limit the private memory that this process may write to; 0 leaves it as it is.

    Address space without memory behind it, such as what glibc reserves for each thread, does not
    count (`RLIMIT_DATA` in getrlimit(2)).
    """
    if megabytes:
        _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEGABYTE, hard))


def trim_memory() -> None:
    """Give memory that is free back to the kernel, as glibc does by itself only at its top."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    """Return glibc's malloc_trim(3); None with other C libraries."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
