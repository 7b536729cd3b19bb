"""Metrics of requests, which cost a request one append to a queue.

Counters among several processes take microseconds each. So a request leaves a sample, and what
accumulates in a second is added together: by a thread of the web process, and by `/metrics`.
"""

import os
import threading
from collections import Counter as Counts
from collections import defaultdict, deque
from itertools import chain
from typing import Final, TypeAlias
from uuid import UUID

from prometheus_client import Counter

from core.telemetry.counters import discard_counters, flush_counters, taken
from core.telemetry.histograms import SECONDS, BatchedHistogram, Observed

OPERATION_SECONDS: Final = BatchedHistogram(
    "graphql_operation_seconds",
    "Duration of requests with an operation, by its name.",
    ["operation"],
    buckets=SECONDS,
)
OPERATION_STATEMENTS: Final = Counter(
    "graphql_operation_statements", "Statements of requests with an operation.", ["operation"]
)
OPERATION_DATABASE_SECONDS: Final = Counter(
    "graphql_operation_database_seconds",
    "Duration of the statements of requests with an operation.",
    ["operation"],
)
ERRORS: Final = Counter(
    "graphql_errors", "Errors in responses to operations and in payloads, by code.", ["code"]
)
REQUESTS: Final = Counter(
    "http_requests", "Requests that were answered, by kind and status.", ["kind", "status"]
)
REQUEST_SECONDS: Final = BatchedHistogram(
    "http_request_seconds", "Duration of requests, by kind.", ["kind"], buckets=SECONDS
)

# The operation of requests whose operation is not one of ours, or that have none.
OTHER: Final = "other"
GRAPHQL: Final = "graphql"
# The variable of WSGI's environment with the `RequestRecord`, for the access log.
RECORD: Final = "roster.record"
# More than a process answers in a second.
MAX_SAMPLES: Final = 100_000
FLUSH_SECONDS: Final = 1.0


# What is known of a request when it has been answered: its kind, the status, its seconds, the
# number of its statements and their seconds, the operation (None for pages), the user, and the
# codes of errors. A plain tuple, because any other type takes longer to make.
RequestRecord: TypeAlias = tuple[
    str, int, float, int, float, str | None, UUID | None, tuple[str, ...]
]

_samples: Final[deque[RequestRecord]] = deque(maxlen=MAX_SAMPLES)
observe: Final = _samples.append


def flush() -> None:
    """Add all samples to the metrics, and write the increments of counters."""
    flush_counters()
    groups: defaultdict[tuple[str, int, str | None], list[RequestRecord]] = defaultdict(list)
    for sample in taken(_samples):
        groups[sample[0], sample[1], sample[5]].append(sample)
    codes: Counts[str] = Counts()
    for (kind, status, operation), samples in groups.items():
        _kinds, _statuses, seconds, statements, database, _operations, _users, errors = zip(
            *samples, strict=True
        )
        codes.update(chain.from_iterable(errors))
        REQUESTS.labels(kind, str(status)).inc(len(samples))
        observed = Observed.of(seconds, SECONDS)
        REQUEST_SECONDS.labels(kind).add(observed)
        if operation is not None:
            OPERATION_SECONDS.labels(operation).add(observed)
            OPERATION_STATEMENTS.labels(operation).inc(sum(statements))
            OPERATION_DATABASE_SECONDS.labels(operation).inc(sum(database))
    for code, count in codes.items():
        ERRORS.labels(code).inc(count)


def keep_flushing() -> None:
    """Flush each second, on a thread of this process."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(FLUSH_SECONDS):
            flush()

    threading.Thread(target=run, name="metrics", daemon=True).start()


def discard() -> None:
    """Forget the samples and increments that wait."""
    _samples.clear()
    discard_counters()


# Those of a child are its own.
os.register_at_fork(after_in_child=_samples.clear)
