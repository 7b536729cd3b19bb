"""Querysets compiled once and run often: the SQL is kept, values go into its slots.

Building and compiling a queryset takes a millisecond, ten times as long as PostgreSQL takes for
many of them. A `Statement` is compiled from a queryset in which a `Slot` stands for each value
that differs from run to run, and is prepared by the server.
"""

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Final, NoReturn, Self

from django.core.exceptions import EmptyResultSet
from django.db import InterfaceError, OperationalError, connection, connections
from django.db.models import Lookup, QuerySet
from django.db.models.expressions import BaseExpression, Expression
from django.db.models.sql import Query
from django.db.models.sql.where import WhereNode
from django.utils.datastructures import OrderedSet

from engine.sql.prepared import InlineCursor, Kind, PreparedCursor, fetch_rows

Values = Mapping[str, Any]
# The moment at which a queryset was built must not be that of all its runs.
DATETIME_TYPES: Final = (dt.date, dt.time)


class ParameterReadError(Exception):
    """A queryset depends on a value that a statement is compiled without.

    It is neither a `TypeError` nor a `ValueError`, so that a resolver which expects these of bad
    input does not take it for one. ``reason`` names the kind, for metrics.
    """

    def __init__(self, message: str, reason: str = "value") -> None:
        """Carry the message, and the kind of dependency as one of a few words."""
        super().__init__(message)
        self.reason = reason


def _refusing(*_arguments: Any, **_keywords: Any) -> NoReturn:
    """Raise `ParameterReadError`."""
    raise ParameterReadError("This depends on a value that differs from run to run.")


def _is_called_by_django() -> bool:
    """Return whether Django's code calls the caller: it looks at expressions, not at values."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001
    # `isinstance` with an abstract class passes through Python's own module.
    while frame is not None and frame.f_globals.get("__name__") == "abc":
        frame = frame.f_back
    name: str = frame.f_globals.get("__name__", "") if frame else ""
    return name == __name__ or name.startswith("django.")


class Param(Expression):
    """A value that a statement gets when it is run, and that is true in Python's sense.

    It can be given to a queryset like a value, but not be looked at: whatever compares it with a
    value, asks for its type or an attribute, looks it up, combines it or wants its text raises
    `ParameterReadError`, so that no statement is compiled for one value only. What `then` makes of
    it may be None, which in SQL equals nothing.
    """

    def __init__(self, read: Callable[[Values], Any]) -> None:
        """Make a slot for what ``read`` finds among the values of a run."""
        super().__init__()
        self.read = read

    @classmethod
    def named(cls, name: str) -> Self:
        """Make a slot for the value of this name."""
        return cls(lambda values: values[name])

    def then(self, function: Callable[[Any], Any]) -> "Param":
        """Make a slot for what the function returns for this one's value."""
        return Param(lambda values: function(self.read(values)))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:  # noqa: ARG002
        """Return a placeholder, with the slot for its value."""
        return "%s", [self]

    def __eq__(self, other: object) -> bool:
        """Compare with other expressions and with nothing, as Django does, but not with values."""
        if isinstance(other, BaseExpression):
            return isinstance(other, Param) and self.read is other.read
        if other is None or other == "":
            return False
        _refusing()

    def __hash__(self) -> int:
        """Hash what it reads, for Django, which hashes conditions.

        Raise `ParameterReadError` for others: their sets and dictionaries would just not have it.
        """
        return hash(self.read) if _is_called_by_django() else _refusing()

    def __bool__(self) -> bool:
        """Return true, as Django expects of expressions."""
        return True

    def __getattr__(self, name: str) -> NoReturn:
        """Raise `ParameterReadError` for what only the value has, and `AttributeError` for Django.

        Protocols that Python looks up by name are not the value's either.
        """
        if name.startswith("__") or _is_called_by_django():
            raise AttributeError(name)
        _refusing()

    @property  # type: ignore[misc]  # it is one for whoever asks, as for mocks and proxies
    def __class__(self) -> type:
        """Return the type for Django; raise `ParameterReadError` for a resolver."""
        return type(self) if _is_called_by_django() else _refusing()

    __str__ = __repr__ = __format__ = __bytes__ = _refusing
    __int__ = __float__ = __complex__ = __index__ = __round__ = __trunc__ = _refusing
    __floor__ = __ceil__ = __abs__ = __neg__ = __pos__ = __invert__ = _refusing
    __lt__ = __le__ = __gt__ = __ge__ = _refusing
    # Not `__iter__`, for Django iterates over what has it; Python does by `__getitem__`.
    __len__ = __reversed__ = __contains__ = __getitem__ = __fspath__ = _refusing
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _refusing
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __matmul__ = __rmatmul__ = _refusing
    __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _refusing
    # Python's other operators are not always those of SQL.
    _combine = _refusing


class UncheckedSlot(Param):
    """A slot for what a client wrote: `engine.sql.statements.check_slots` has it checked in Python.

    What `then` makes of it is the resolver's own, and not checked.
    """


def check_slots(node: Any) -> None:
    """Have the unchecked slots below a query or condition checked by the columns they equal.

    A value that Django would refuse for the column makes `Statement.rows` raise
    `ParameterReadError`. Those that are compared otherwise stay unchecked.
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
        check_slots(each)


def _check_operands(lookup: "Lookup[Any]") -> None:
    field = getattr(lookup.lhs, "output_field", None)
    if field is None:
        return
    if type(lookup.rhs) is UncheckedSlot:
        lookup.rhs = lookup.rhs.then(partial(_check_values, field))
    elif isinstance(lookup.rhs, list | tuple | OrderedSet):
        lookup.rhs = [
            each.then(partial(_check_values, field)) if type(each) is UncheckedSlot else each
            for each in lookup.rhs
        ]


def _check_values(field: Any, value: Any) -> Any:
    """Return the value as the column stores it, or raise `ParameterReadError`."""
    while field.remote_field:
        field = field.target_field
    try:
        prepared = field.get_prep_value(value)
    except Exception as error:  # whatever it is, the resolver is told when it is called with it
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
    """What a queryset of `values_list` selects, ready to be run."""

    database: str
    # None if there is nothing to find, whatever the values.
    sql: str | None
    params: tuple[Any, ...] = ()
    converters: Mapping[int, tuple[list[Any], Any]] | None = None
    kind: Kind = (PreparedCursor, False)

    @classmethod
    def of(cls, rows: QuerySet[Any, Any], *, once: bool = False, text_ids: bool = False) -> Self:
        """Compile; have UUIDs read as texts if ``text_ids``.

        Unless it is to be run but ``once``, raise `ParameterReadError` if a moment is part of it,
        which may be that of now.
        """
        compiler = rows.query.get_compiler(rows.db)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return cls(rows.db, None)
        if not once and any(isinstance(param, DATETIME_TYPES) for param in params):
            raise ParameterReadError("This depends on a moment.", "moment")
        expressions = [column for column, _sql, _alias in compiler.select or ()]
        converters = compiler.get_converters(expressions)
        kind = (InlineCursor if once else PreparedCursor, text_ids)
        return cls(rows.db, sql, tuple(params), converters or None, kind)

    def rows(self, values: Values) -> Sequence[tuple[Any, ...]]:
        """Run with these values; return rows as Django would."""
        if self.sql is None:
            return ()
        params = [
            param.read(values) if isinstance(param, Param) else param for param in self.params
        ]
        connection = connections[self.database]
        found = self._run(connection, self.sql, params)
        return self._convert(found, connection) if self.converters else found

    def _run(self, connection: Any, sql: str, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        if connection.connection is None:
            return fetch_rows(connection, self.kind, sql, params)
        # Django asks a connection that was kept whether it is still good, in a round trip of its
        # own. A statement that only reads can find out by itself and be run again.
        is_unchecked = connection.health_check_enabled and not connection.health_check_done
        connection.health_check_done = True
        try:
            return fetch_rows(connection, self.kind, sql, params)
        except (InterfaceError, OperationalError):
            if not is_unchecked or connection.in_atomic_block or connection.is_usable():
                raise
            connection.close()
            return fetch_rows(connection, self.kind, sql, params)

    def _convert(
        self, rows: Iterable[tuple[Any, ...]], connection: Any
    ) -> Sequence[tuple[Any, ...]]:
        converted = list(map(list, rows))
        for index, (functions, expression) in (self.converters or {}).items():
            for row in converted:
                for function in functions:
                    row[index] = function(row[index], expression, connection)
        return list(map(tuple, converted))
