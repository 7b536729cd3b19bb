"""Statements: querysets compiled once and executed with other bind parameters.

Building and compiling a queryset takes a millisecond, ten times as long as PostgreSQL takes for
many of them. A `Statement` is compiled from a queryset with a `Param` for each value that differs
between executions, and is prepared by the server.
"""

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Final, NoReturn, Self

from django.core.exceptions import EmptyResultSet
from django.db import (
    InterfaceError,
    NotSupportedError,
    OperationalError,
    connection,
)
from django.db.models import Lookup, QuerySet
from django.db.models.expressions import BaseExpression, Expression
from django.db.models.sql import Query
from django.db.models.sql.where import WhereNode
from django.utils.datastructures import OrderedSet

from engine.internals.django import thread_connection
from engine.internals.psycopg import is_stale_plan
from engine.sql.pending import pending_statements
from engine.sql.pipelines import Rows, fetch_rows
from engine.sql.prepared import InlineCursor, Kind, PreparedCursor

Values = Mapping[str, Any]
# A timestamp may be the time of compilation, which must not be that of all executions.
DATETIME_TYPES: Final = (dt.date, dt.time)


class ParameterReadError(Exception):
    """A queryset depends on a value that differs between executions, so it cannot be compiled.

    It is neither a `TypeError` nor a `ValueError`, so that resolvers which catch these for bad
    input do not catch it. ``reason`` is the kind, for metrics.
    """

    def __init__(self, message: str, reason: str = "value") -> None:
        """Carry the message, and the kind of dependency."""
        super().__init__(message)
        self.reason = reason


def _refuse(*_arguments: Any, **_keywords: Any) -> NoReturn:
    """Raise `ParameterReadError`."""
    raise ParameterReadError("This depends on a value that differs between executions.")


def _is_called_by_django() -> bool:
    """Return whether Django calls the caller: it reads expressions, not values."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001
    # `isinstance` with an abstract class passes through Python's own module.
    while frame is not None and frame.f_globals.get("__name__") == "abc":
        frame = frame.f_back
    name: str = frame.f_globals.get("__name__", "") if frame else ""
    return name == __name__ or name.startswith("django.")


class Param(Expression):
    """Placeholder for a bind parameter. Truthy; reading its value raises `ParameterReadError`.

    A resolver may pass it to a queryset like a value. To compare it with a value, test its type,
    read an attribute, hash, combine or format it raises, so that no statement is compiled for one
    value only. The function of `then` may return None, which in SQL equals nothing.
    """

    def __init__(self, read: Callable[[Values], Any]) -> None:
        """Create a placeholder for what ``read`` returns for the values of an execution."""
        super().__init__()
        self.read = read

    @classmethod
    def named(cls, name: str) -> Self:
        """Create a placeholder for the value of this name."""
        return cls(lambda values: values[name])

    def then(self, function: Callable[[Any], Any]) -> "Param":
        """Create a placeholder for the result of the function for this one's value."""
        return Param(lambda values: function(self.read(values)))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:  # noqa: ARG002
        """Return SQL's placeholder, with this parameter."""
        return "%s", [self]

    def __eq__(self, other: object) -> bool:
        """Compare with expressions, None and the empty text, as Django does, not with values."""
        if isinstance(other, BaseExpression):
            return isinstance(other, Param) and self.read is other.read
        if other is None or other == "":
            return False
        _refuse()

    def __hash__(self) -> int:
        """Return the hash for Django, which hashes conditions.

        Raise `ParameterReadError` for resolvers: a set or dictionary would silently lack it.
        """
        return hash(self.read) if _is_called_by_django() else _refuse()

    def __bool__(self) -> bool:
        """Return true, as Django expects of expressions."""
        return True

    def __getattr__(self, name: str) -> NoReturn:
        """Raise `ParameterReadError` for resolvers, and `AttributeError` for Django.

        The same for protocols that Python looks up by name.
        """
        if name.startswith("__") or _is_called_by_django():
            raise AttributeError(name)
        _refuse()

    @property  # type: ignore[misc]  # a property, as mocks and proxies have it
    def __class__(self) -> type:
        """Return the type for Django; raise `ParameterReadError` for a resolver."""
        return type(self) if _is_called_by_django() else _refuse()

    __str__ = __repr__ = __format__ = __bytes__ = _refuse
    __int__ = __float__ = __complex__ = __index__ = __round__ = __trunc__ = _refuse
    __floor__ = __ceil__ = __abs__ = __neg__ = __pos__ = __invert__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    # Not `__iter__`, for Django iterates over what has it; Python does by `__getitem__`.
    __len__ = __reversed__ = __contains__ = __getitem__ = __fspath__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _refuse
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __matmul__ = __rmatmul__ = _refuse
    __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _refuse
    # Python's other operators are not always those of SQL.
    _combine = _refuse


class UncheckedParam(Param):
    """Placeholder for a value of the client, which `check_params` checks in Python.

    The result of `then` is the resolver's own, and not checked.
    """


def check_params(node: Any) -> None:
    """Check the unchecked parameters below a query or condition by the columns they equal.

    `Statement.rows` raises `ParameterReadError` for a value that Django would refuse for the
    column. Parameters that are compared otherwise stay unchecked.
    """
    if isinstance(node, Query):
        below = [node.where, *node.annotations.values(), *node.combined_queries]
    elif isinstance(node, QuerySet):
        below = [node.query]
    elif isinstance(node, WhereNode):
        below = node.children
    else:
        below = node.get_source_expressions() if isinstance(node, BaseExpression) else []
        if isinstance(node, Lookup) and node.lookup_name in {"exact", "in"}:
            _check_operands(node)
            below = [node.lhs, node.rhs]
    for each in below:
        check_params(each)


def _check_operands(lookup: "Lookup[Any]") -> None:
    field = getattr(lookup.lhs, "output_field", None)
    if field is None:
        return
    if type(lookup.rhs) is UncheckedParam:
        lookup.rhs = lookup.rhs.then(partial(_check_values, field))
    elif isinstance(lookup.rhs, list | tuple | OrderedSet):
        lookup.rhs = [
            each.then(partial(_check_values, field)) if type(each) is UncheckedParam else each
            for each in lookup.rhs
        ]


def _check_values(field: Any, value: Any) -> Any:
    """Return the value as the column stores it, or raise `ParameterReadError`."""
    while field.remote_field:
        field = field.target_field
    try:
        prepared = field.get_prep_value(value)
    except Exception as error:  # any error: the resolver is called with the value
        raise ParameterReadError(str(error), "invalid id") from error
    if isinstance(prepared, int):
        lowest, highest = connection.ops.integer_field_range(field.get_internal_type())
        if (lowest is not None and prepared < lowest) or (
            highest is not None and prepared > highest
        ):
            raise ParameterReadError("This is beyond the column's range.", "invalid id")
    return prepared


@dataclass(frozen=True, slots=True)
class Statement:
    """Compiled SQL with placeholders, and the conversion of its rows."""

    database: str
    # None if the result is empty for all values.
    sql: str | None
    params: tuple[Any, ...] = ()
    converters: Mapping[int, tuple[list[Any], Any]] | None = None
    kind: Kind = (PreparedCursor, False)

    @classmethod
    def of(cls, rows: QuerySet[Any, Any], *, once: bool = False, text_ids: bool = False) -> Self:
        """Compile; with ``text_ids``, UUIDs are read as text.

        Raises `ParameterReadError` for a statement with a timestamp, which may be the current time,
        unless it is executed only ``once``.
        """
        compiler = rows.query.get_compiler(rows.db)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return cls(rows.db, None)
        if not once and any(isinstance(param, DATETIME_TYPES) for param in params):
            raise ParameterReadError("This depends on a timestamp.", "moment")
        expressions = [column for column, _sql, _alias in compiler.select or ()]
        converters = compiler.get_converters(expressions)
        kind = (InlineCursor if once else PreparedCursor, text_ids)
        return cls(rows.db, sql, tuple(params), converters or None, kind)

    def rows(self, values: Values) -> Rows:
        """Execute with these values; return the rows as Django would."""
        connection = thread_connection(self.database)
        return self.convert(self.run(connection, self.bind(values)), connection)

    def bind(self, values: Values) -> list[Any]:
        """Return the parameters for these values."""
        return [param.read(values) if isinstance(param, Param) else param for param in self.params]

    def convert(
        self, rows: Sequence[tuple[Any, ...]], connection: Any
    ) -> Sequence[tuple[Any, ...]]:
        """Return rows that the statement's SQL has returned as Django would."""
        return self._convert(rows, connection) if self.converters else rows

    def run(self, connection: Any, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """Execute with parameters as PostgreSQL takes them; return the rows without conversion.

        A statement that writes must run in a transaction, so that it is never executed again.
        """
        sql = self.sql
        if sql is None:
            return ()
        if connection.connection is None:
            return fetch_rows(connection, self.kind, sql, params)
        # Django checks a persistent connection in a round trip of its own. A statement that only
        # reads can fail instead and be executed again.
        is_unchecked = connection.health_check_enabled and not connection.health_check_done
        connection.health_check_done = True
        try:
            return fetch_rows(connection, self.kind, sql, params)
        except (InterfaceError, OperationalError):
            if not is_unchecked or connection.in_atomic_block or connection.is_usable():
                raise
            connection.close()
            return fetch_rows(connection, self.kind, sql, params)
        except NotSupportedError as error:
            if not is_stale_plan(error.__cause__):
                raise
            # A migration changed a column. Statements are prepared again on a new connection, at
            # the latest after this transaction.
            connection.close_at = 0.0
            if connection.in_atomic_block:
                raise
            connection.close()
            return fetch_rows(connection, self.kind, sql, params)

    def run_by_commit(self, connection: Any, params: Sequence[Any]) -> None:
        """Execute at the latest before COMMIT in `PendingStatements`, and at once elsewhere."""
        pending = pending_statements(connection)
        if pending is None or self.sql is None:
            self.run(connection, params)
        else:
            pending.add(self.kind, self.sql, params)

    def _convert(
        self, rows: Iterable[tuple[Any, ...]], connection: Any
    ) -> Sequence[tuple[Any, ...]]:
        converted = list(map(list, rows))
        for index, (functions, expression) in (self.converters or {}).items():
            for row in converted:
                for function in functions:
                    row[index] = function(row[index], expression, connection)
        return list(map(tuple, converted))
