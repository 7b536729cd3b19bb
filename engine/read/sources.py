"""Where rows come from: querysets, compiled once per visibility."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

from django.db import connection
from django.db.models import QuerySet
from strawberry import Info

from engine.execution import Execution
from engine.plan.selection import SelectedField
from engine.result.rows import Row
from engine.sql.keys import Bind
from engine.sql.statements import Param, ParameterReadError, Statement, UncheckedParam, check_params

Build: TypeAlias = Callable[[Info[Any, Any], Bind], QuerySet[Any, Any]]

# The prefix of the names of arguments' values: clients write them, so they are checked first.
ARGUMENT: Final = "argument "
NOT_CACHEABLE: Final = "This depends on what its arguments say, or on which type is found."


@dataclass(frozen=True, slots=True)
class Compilation:
    """A statement for all requests, or why there is none."""

    statement: Statement | None = None
    reason: ParameterReadError | None = None


RECOMPILED: Final = Compilation()


class RowSource:
    """Rows of a queryset, for one visibility; UUIDs in them are texts.

    ``build`` makes the queryset, of `values_list`. It is compiled when it is first read, because
    that is when the resolver's errors belong to a field; of a connection's two sources often only
    one is read. If it depends on more than the visibility, it is recompiled for each request.
    """

    __slots__ = ("_compilation", "build", "selected")

    def __init__(self, selected: SelectedField, build: Build, *, is_cacheable: bool = True) -> None:
        """Take the field that the rows are for, and what makes their queryset.

        It is not ``is_cacheable`` if each request needs SQL of its own.
        """
        self.selected = selected
        self.build = build
        # None until it is first read.
        self._compilation: Compilation | None = None if is_cacheable else RECOMPILED

    def rows(self, execution: Execution, values: Mapping[str, Any]) -> Sequence[Row]:
        """Read with these values."""
        compilation = self._compilation
        if compilation is None:
            compilation = self._compilation = self._compile(execution)
        if compilation.statement is None:
            return self._rows_of_values(execution, values, compilation.reason)
        execution.bounds.check_time()
        try:
            rows = self._run(execution, compilation.statement, values)
        except ParameterReadError as error:
            # The resolver decides about an id that the column cannot have.
            return self._rows_of_values(execution, values, error)
        execution.on_statement(None)
        return rows

    def _rows_of_values(
        self, execution: Execution, values: Mapping[str, Any], reason: ParameterReadError | None
    ) -> Sequence[Row]:
        """Build the queryset with these values, and read it."""
        rows = self.build(execution.info(self.selected), values.__getitem__)
        statement = Statement.of(rows, once=True, text_ids=True)
        unshared = "arguments" if execution.is_shared else "visibility"
        execution.on_statement(unshared if reason is None else reason.reason)
        execution.bounds.check_time()
        return self._run(execution, statement, values, str(reason or NOT_CACHEABLE))

    def _run(
        self,
        execution: Execution,
        statement: Statement,
        values: Mapping[str, Any],
        reason: str | None = None,
    ) -> Sequence[Row]:
        values = {**execution.requester_values(), **values}
        trace = execution.trace
        if trace is None:
            return statement.rows(values)
        with trace.attribute_statements(
            f"{self.selected.parent.name}.{self.selected.name}",
            is_compiled=reason is None,
            reason=reason,
        ):
            return statement.rows(values)

    def _compile(self, execution: Execution) -> Compilation:
        """Compile for all requests of this visibility.

        Raises the errors of the resolver, except `ParameterReadError`.
        """
        if not execution.is_shared:
            return RECOMPILED
        try:
            with _no_statements():
                rows = self.build(execution.parametrized_info(self.selected), _param)
                check_params(rows)
                statement = Statement.of(rows, text_ids=True)
            _require_checked(statement)
        except ParameterReadError as error:
            return Compilation(reason=error)
        return Compilation(statement)


def _require_checked(statement: Statement) -> None:
    """Raise `ParameterReadError` if a value of the client would reach PostgreSQL unchecked."""
    if any(type(each) is UncheckedParam for each in statement.params):
        raise ParameterReadError("An id is compared with no column.", "unchecked id")


def _param(name: str) -> Param:
    """Return the bind parameter for a value, which is checked if a client wrote it."""
    return (UncheckedParam if name.startswith(ARGUMENT) else Param).named(name)


@contextmanager
def _no_statements() -> Iterator[None]:
    """Refuse statements: their results may differ for the next request."""

    def refuse(*_arguments: Any) -> NoReturn:
        raise ParameterReadError("This depends on rows of the database.", "database")

    with connection.execute_wrapper(refuse):
        yield
