"""Captured SQL statements."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


class Statements(list[str]):
    """The SQL of a block, once it has ended."""


@contextmanager
def bound_statements() -> Iterator[Statements]:
    """Capture the statements of a block, with their values for EXPLAIN.

    Django's log has those that are prepared without their values.
    """
    captured = Statements()

    def capture(execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
        found = execute(sql, params, *more)
        operations: Any = connection.ops
        captured.append(operations.compose_sql(sql, params) if params else sql)
        return found

    with connection.execute_wrapper(capture):
        yield captured
