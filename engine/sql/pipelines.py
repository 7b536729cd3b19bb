"""Blocks whose statements are sent in pipelines of libpq, several in one round trip."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from psycopg import capabilities

from engine.deadline import has_execute_wrapper
from engine.sql import prepared
from engine.sql.prepared import Kind

Rows: TypeAlias = Sequence[tuple[Any, ...]]


# They need libpq 14.
HAS_PIPELINES: Final = capabilities.has_pipeline()


class PipelineBlock(ABC):
    """A block that sees a connection's statements, as one of Django's execute wrappers."""

    @abstractmethod
    def fetch_next(self, kind: Kind, sql: str, params: Sequence[Any]) -> Rows:
        """Run a statement of the block with a cursor of this kind; return the rows."""


def has_prepared_statements(connection: Any) -> bool:
    """Return whether an open connection prepares statements that a pipeline can contain."""
    return (
        HAS_PIPELINES
        and connection.connection is not None
        and connection.connection.prepare_threshold is not None
    )


def is_unwatched(connection: Any, block: PipelineBlock | None = None) -> bool:
    """Return whether no log or wrapper but the block has to see each statement."""
    return not (
        has_execute_wrapper(connection.execute_wrappers, block) or connection.queries_logged
    )


def fetch_rows(connection: Any, kind: Kind, sql: str, params: Sequence[Any]) -> Rows:
    """Run a statement as `prepared.fetch_rows` does, or as the block around it does."""
    for each in connection.execute_wrappers:
        if isinstance(each, PipelineBlock):
            return each.fetch_next(kind, sql, params)
    return prepared.fetch_rows(connection, kind, sql, params)
