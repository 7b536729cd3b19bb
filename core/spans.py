"""Spans of traces, for all code; without tracing, each costs next to nothing.

`core.telemetry.traces` has the implementation, which is imported only if tracing is configured.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum, auto
from typing import Any, Final, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Kind(Enum):
    """On which side of a call a span is."""

    CLIENT = auto()
    INTERNAL = auto()


class Tracer(Protocol):
    """Where spans go. Attributes must contain neither secrets nor personal data."""

    def span(
        self, name: str, kind: Kind, attributes: Mapping[str, Any]
    ) -> AbstractContextManager[None]:
        """Trace a block; an exception that leaves it is its error."""

    def task(self, name: str, request_id: str | None) -> AbstractContextManager[None]:
        """Trace a task, in the trace of the request that caused it."""

    def request(self, request_id: str, traceparent: str | None) -> AbstractContextManager[Any]:
        """Trace a request and yield its span, which links to a trusted proxy's."""

    def carry(self, function: F) -> F:
        """Return the function for other threads, with this thread's span as the parent."""

    def flush(self) -> None:
        """Send all spans that have ended."""


class _Spans:
    """Which tracer is in use, if any."""

    tracer: Tracer | None = None


spans: Final = _Spans()
UNTRACED: Final = nullcontext()


def span(name: str, kind: Kind = Kind.CLIENT, **attributes: Any) -> AbstractContextManager[None]:
    """Trace a block if tracing is on."""
    tracer = spans.tracer
    return UNTRACED if tracer is None else tracer.span(name, kind, attributes)


def carry(function: F) -> F:
    """Return the function for another thread, where its spans belong to the current one."""
    return function if spans.tracer is None else spans.tracer.carry(function)
