"""Querysets compiled once and run often: the SQL is kept, values go into its slots.

Building and compiling a queryset takes a millisecond, ten times as long as PostgreSQL takes for
many of them. A `Statement` is compiled from a queryset in which a `Slot` stands for each value
that differs from run to run, and is prepared by the server.
"""

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Self

from django.core.exceptions import EmptyResultSet
from django.db import InterfaceError, OperationalError, connections
from django.db.models import QuerySet
from django.db.models.expressions import BaseExpression, Expression

from core.cursors import InlineCursor, Kind, PreparedCursor, rows_of

Values = Mapping[str, Any]
# The moment at which a queryset was built must not be that of all its runs.
MOMENTS: Final = (dt.date, dt.time)


class SlotError(TypeError):
    """A queryset depends on a value that a statement is compiled without."""


class Slot(Expression):
    """A value that a statement gets when it is run, and that is true in Python's sense.

    It can be given to a queryset like a value, but not be looked at: whatever compares it with a
    value, looks it up, combines it or wants its text raises `SlotError`, so that no statement is
    compiled for one value only. What `then` makes of it may be None, which in SQL equals nothing.
    """

    def __init__(self, read: Callable[[Values], Any]) -> None:
        """Make a slot for what ``read`` finds among the values of a run."""
        super().__init__()
        self.read = read

    @classmethod
    def named(cls, name: str) -> Self:
        """Make a slot for the value of this name."""
        return cls(lambda values: values[name])

    def then(self, function: Callable[[Any], Any]) -> "Slot":
        """Make a slot for what the function returns for this one's value."""
        return Slot(lambda values: function(self.read(values)))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:  # noqa: ARG002
        """Return a placeholder, with the slot for its value."""
        return "%s", [self]

    def __eq__(self, other: object) -> bool:
        """Compare with other expressions and with nothing, as Django does, but not with values."""
        if isinstance(other, BaseExpression):
            return isinstance(other, Slot) and self.read is other.read
        if other is None or other == "":
            return False
        raise self._refusal()

    def __hash__(self) -> int:
        """Hash what it reads, for Django, which hashes conditions.

        Raise `SlotError` for others: their sets and dictionaries would just not have it.
        """
        if not sys._getframe(1).f_globals["__name__"].startswith("django."):  # noqa: SLF001
            raise self._refusal()
        return hash(self.read)

    def __bool__(self) -> bool:
        """Return true, as Django expects of expressions."""
        return True

    def __str__(self) -> str:
        """Raise `SlotError`."""
        raise self._refusal()

    def _combine(self, *_others: Any) -> NoReturn:
        """Raise `SlotError`: Python's operators are not always those of SQL."""
        raise self._refusal()

    @staticmethod
    def _refusal() -> SlotError:
        return SlotError("This depends on a value that differs from run to run.")


def array_of_ids(ids: Iterable[str]) -> str:
    """Return PostgreSQL's text of an array of UUIDs, which are texts themselves."""
    return f"{{{','.join(ids)}}}"


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

        Unless it is to be run but ``once``, raise `SlotError` if a moment is part of it, which
        may be that of now.
        """
        compiler = rows.query.get_compiler(rows.db)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return cls(rows.db, None)
        if not once and any(isinstance(param, MOMENTS) for param in params):
            raise SlotError("This depends on a moment.")
        expressions = [column for column, _sql, _alias in compiler.select or ()]
        converters = compiler.get_converters(expressions)
        kind = (InlineCursor if once else PreparedCursor, text_ids)
        return cls(rows.db, sql, tuple(params), converters or None, kind)

    def rows(self, values: Values) -> Sequence[tuple[Any, ...]]:
        """Run with these values; return rows as Django would."""
        if self.sql is None:
            return ()
        params = [param.read(values) if isinstance(param, Slot) else param for param in self.params]
        connection = connections[self.database]
        found = self._run(connection, self.sql, params)
        return self._converted(found, connection) if self.converters else found

    def _run(self, connection: Any, sql: str, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        if connection.connection is None:
            return rows_of(connection, self.kind, sql, params)
        # Django asks a connection that was kept whether it is still good, in a round trip of its
        # own. A statement that only reads can find out by itself and be run again.
        is_unchecked = connection.health_check_enabled and not connection.health_check_done
        connection.health_check_done = True
        try:
            return rows_of(connection, self.kind, sql, params)
        except (InterfaceError, OperationalError):
            if not is_unchecked or connection.in_atomic_block or connection.is_usable():
                raise
            connection.close()
            return rows_of(connection, self.kind, sql, params)

    def _converted(
        self, rows: Iterable[tuple[Any, ...]], connection: Any
    ) -> Sequence[tuple[Any, ...]]:
        converted = list(map(list, rows))
        for index, (functions, expression) in (self.converters or {}).items():
            for row in converted:
                for function in functions:
                    row[index] = function(row[index], expression, connection)
        return list(map(tuple, converted))
