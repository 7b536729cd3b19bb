"""Metrics of the shared cache."""

from typing import Final

from prometheus_client import Counter, Histogram

LOOKUPS: Final = Counter("shared_cache_lookups", "Look-ups, by result.", ["result"])
STORES: Final = Counter("shared_cache_stores", "Values to be stored, by result.", ["result"])
STORED_BYTES: Final = Counter("shared_cache_stored_bytes", "Bytes of stored entries.")
LEASES: Final = Counter("shared_cache_leases", "Requests for a lease, by result.", ["result"])
ERRORS: Final = Counter("shared_cache_errors", "Calls of the server that failed.", ["kind"])
SECONDS: Final = Histogram(
    "shared_cache_seconds",
    "Duration of calls of the server.",
    ["operation"],
    # Of time-outs, a connection attempt and a reply at most.
    buckets=(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5),
)
