"""What statements take: their number and the time until their results, by thread.

A statement costs two readings of the clock and a call. BEGIN and COMMIT are counted only where they
go out in a pipeline, and COPY never.
"""

import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, TypeAlias


class Totals:
    """The number of statements, and their seconds."""

    __slots__ = ("seconds", "statements")

    def __init__(self) -> None:
        """Start at zero."""
        self.statements = 0
        self.seconds = 0.0


class _Meter(threading.local):
    """The statements of this thread since it began."""

    def __init__(self) -> None:
        """Start at zero."""
        self.totals = Totals()


METER: Final = _Meter()

# Called with the text of a statement without its values, or with what went out in a pipeline, and
# with the seconds that it took; for traces.
Observer: TypeAlias = Callable[[object, float], None]
observers: Final[list[Observer]] = []


def record(text: object, started: float, number: int = 1) -> None:
    """Add statements that began at ``started``, by `perf_counter`; several are of one pipeline."""
    seconds = perf_counter() - started
    totals = METER.totals
    totals.statements += number
    totals.seconds += seconds
    for observe in observers:
        observe(text, seconds)


class MeteredCursor:
    """Records the statements of one of psycopg's cursors, to be inherited before its class."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Execute, as the cursor does."""
        started = perf_counter()
        try:
            return super().execute(query, params, **options)  # type: ignore[misc]
        finally:
            record(query, started)
