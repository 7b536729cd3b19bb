"""Traces: the statements and batches of one operation.

Without a trace, as in production, each statement costs a comparison with None.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from django.db import connection

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that was executed."""

    # The field that it reads, as Type.field, or the loader whose batch executed it; None for a
    # resolver.
    reads: str | None
    # Whether its SQL was compiled before; None if the engine did not compile it.
    is_compiled: bool | None
    # Why it was recompiled.
    reason: str | None
    sql: str
    params: Sequence[Any] | None
    # None if it failed.
    rows: int | None
    milliseconds: float


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """A batch that a loader dispatched."""

    loader: str
    keys: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _StatementOrigin:
    """The field or loader that executes statements."""

    reads: str | None = None
    is_compiled: bool | None = None
    reason: str | None = None


@dataclass(slots=True)
class Trace:
    """The steps of one operation, in their order."""

    steps: list[Step] = field(default_factory=list)
    batches: list[LoadedBatch] = field(default_factory=list)
    # Describes how the engine executed; None if graphql-core executed.
    explain: Callable[[], list[str]] | None = None
    # Why graphql-core executed.
    refusal: str | None = None
    _origin: _StatementOrigin = field(default_factory=_StatementOrigin)

    @contextmanager
    def record_statements(self) -> Iterator[None]:
        """Record all statements of the block."""
        with connection.execute_wrapper(self._run):
            yield

    def plan(self) -> list[str]:
        """Return the engine's plan as indented lines; none if graphql-core executed."""
        return self.explain() if self.explain else []

    def time_batches(
        self, loader: str, compute: Callable[[Sequence[K]], Sequence[V]]
    ) -> Callable[[Sequence[K]], Sequence[V]]:
        """Return a loader's batch function that records each batch."""

        def batch(keys: Sequence[K]) -> Sequence[V]:
            start = perf_counter()
            try:
                with self.attribute_statements(loader):
                    return compute(keys)
            finally:
                self.batches.append(LoadedBatch(loader, len(keys), _since(start)))

        return batch

    @contextmanager
    def attribute_statements(
        self, reads: str, *, is_compiled: bool | None = None, reason: str | None = None
    ) -> Iterator[None]:
        """Record the statements of the block as those of a field or loader."""
        before, self._origin = self._origin, _StatementOrigin(reads, is_compiled, reason)
        try:
            yield
        finally:
            self._origin = before

    def _run(self, execute: Callable[..., Any], sql: str, params: Any, *executing: Any) -> Any:
        many, context = executing
        origin = self._origin
        rows = None
        start = perf_counter()
        try:
            result = execute(sql, params, many, context)
            rows = context["cursor"].rowcount
        finally:
            self.steps.append(
                Step(
                    origin.reads,
                    origin.is_compiled,
                    origin.reason,
                    sql,
                    params,
                    rows,
                    _since(start),
                )
            )
        return result


def _since(start: float) -> float:
    return round(1_000 * (perf_counter() - start), 3)
