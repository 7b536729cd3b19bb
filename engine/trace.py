"""What was done to answer one operation, for those who want to look.

Production carries no trace, which costs a comparison with None.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import connection

from engine.explain import explain_plan
from engine.sql.statements import Statement

if TYPE_CHECKING:
    from engine.read.sources import Row, RowSource
    from engine.walk import Execution

K = TypeVar("K")
V = TypeVar("V")

NOT_CACHEABLE: Final = "This depends on what its arguments say, or on which type is found."


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that was run."""

    # The field that it reads, as Type.field, or the loader whose batch ran it; None if a resolver
    # did.
    reads: str | None
    # Whether its SQL was kept; None for what the engine did not make.
    is_compiled: bool | None
    # Why it was made anew.
    reason: str | None
    sql: str
    params: Sequence[Any] | None
    # None if it failed.
    rows: int | None
    milliseconds: float


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """A batch of a loader."""

    loader: str
    keys: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _StatementOrigin:
    """What runs statements at the moment."""

    reads: str | None = None
    is_compiled: bool | None = None
    reason: str | None = None


@dataclass(slots=True)
class Trace:
    """The steps of one operation, in their order."""

    steps: list[Step] = field(default_factory=list)
    batches: list[LoadedBatch] = field(default_factory=list)
    # The engine's execution; None if graphql-core executed.
    execution: "Execution | None" = None
    # Why it did.
    refusal: str | None = None
    _cause: _StatementOrigin = field(default_factory=_StatementOrigin)

    @contextmanager
    def record_statements(self) -> Iterator[None]:
        """Take notice of all statements until the block ends."""
        with connection.execute_wrapper(self._run):
            yield

    def plan(self) -> list[str]:
        """Return the engine's plan as indented lines; none if graphql-core executed."""
        return explain_plan(self.execution) if self.execution else []

    def rows(
        self, source: "RowSource", values: Mapping[str, Any], made: Statement
    ) -> Sequence["Row"]:
        """Run a source's statement."""
        selected = source.selected
        reason = None
        if source.statement is None:
            reason = str(source.reason or NOT_CACHEABLE)
        reads = f"{selected.parent.name}.{selected.name}"
        with self._attribute_statements_to(
            _StatementOrigin(reads, source.statement is not None, reason)
        ):
            return made.rows(values)

    def time_batches(
        self, loader: str, compute: Callable[[Sequence[K]], Sequence[V]]
    ) -> Callable[[Sequence[K]], Sequence[V]]:
        """Return a loader's batch function that notes each batch."""

        def batch(keys: Sequence[K]) -> Sequence[V]:
            start = perf_counter()
            try:
                with self._attribute_statements_to(_StatementOrigin(loader)):
                    return compute(keys)
            finally:
                self.batches.append(LoadedBatch(loader, len(keys), _since(start)))

        return batch

    @contextmanager
    def _attribute_statements_to(self, cause: _StatementOrigin) -> Iterator[None]:
        before, self._cause = self._cause, cause
        try:
            yield
        finally:
            self._cause = before

    def _run(self, execute: Callable[..., Any], sql: str, params: Any, *executing: Any) -> Any:
        many, context = executing
        cause = self._cause
        rows = None
        start = perf_counter()
        try:
            result = execute(sql, params, many, context)
            rows = context["cursor"].rowcount
        finally:
            self.steps.append(
                Step(
                    cause.reads,
                    cause.is_compiled,
                    cause.reason,
                    sql,
                    params,
                    rows,
                    _since(start),
                )
            )
        return result


def _since(start: float) -> float:
    return round(1_000 * (perf_counter() - start), 3)
