"""Where rows come from: querysets, compiled once per visibility."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from django.db import connection
from strawberry import Info

from engine.execution import Execution
from engine.plan.selection import SelectedField
from engine.read.layout import SelectedRows
from engine.result.rows import Row, RowShape
from engine.sql.keys import Bind
from engine.sql.statements import Param, ParameterReadError, Statement, UncheckedParam, check_params

Build: TypeAlias = Callable[[Info[Any, Any], Bind], SelectedRows]

# The prefix of the names of arguments' values: clients write them, so they are checked first.
ARGUMENT: Final = "argument "
NOT_CACHEABLE: Final = "This depends on what its arguments say, or on which type is found."


@dataclass(frozen=True, slots=True)
class Compilation:
    """A statement and the columns of its rows."""

    statement: Statement
    shape: RowShape


class FoundRows(NamedTuple):
    """The rows of a statement, and their columns."""

    rows: Sequence[Row]
    shape: RowShape


@dataclass(frozen=True, slots=True)
class Recompiled:
    """There is no statement for all requests; the reason, if it was tried."""

    reason: ParameterReadError | None = None


class RowSource:
    """Rows of a queryset, for one visibility; UUIDs in them are texts.

    ``build`` makes the queryset of columns. It is compiled when it is first read, because
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
        self._compilation: Compilation | Recompiled | None = None if is_cacheable else Recompiled()

    def rows(self, execution: Execution, values: Mapping[str, Any]) -> FoundRows:
        """Read with these values."""
        compilation = self._compilation
        if compilation is None:
            compilation = self._compilation = self._compile(execution)
        if isinstance(compilation, Recompiled):
            return self._rows_of_values(execution, values, compilation.reason)
        execution.bounds.check_time()
        try:
            rows = self._run(execution, compilation.statement, values)
        except ParameterReadError as error:
            # The resolver decides about an id that the column cannot have.
            return self._rows_of_values(execution, values, error)
        execution.on_statement(None)
        return FoundRows(rows, compilation.shape)

    def _rows_of_values(
        self, execution: Execution, values: Mapping[str, Any], reason: ParameterReadError | None
    ) -> FoundRows:
        """Build the queryset with these values, and read it."""
        rows, shape = self.build(execution.info(self.selected), values.__getitem__)
        statement = Statement.of(rows, once=True, text_ids=True)
        unshared = "arguments" if execution.is_shared else "visibility"
        execution.on_statement(unshared if reason is None else reason.reason)
        execution.bounds.check_time()
        found = self._run(execution, statement, values, str(reason or NOT_CACHEABLE))
        return FoundRows(found, shape)

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

    def _compile(self, execution: Execution) -> Compilation | Recompiled:
        """Compile for all requests of this visibility.

        Raises the errors of the resolver, except `ParameterReadError`.
        """
        if not execution.is_shared:
            return Recompiled()
        try:
            with _no_statements():
                rows, shape = self.build(execution.parametrized_info(self.selected), _param)
                check_params(rows)
                statement = Statement.of(rows, text_ids=True)
            _require_checked(statement)
        except ParameterReadError as error:
            return Recompiled(error)
        return Compilation(statement, shape)


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
