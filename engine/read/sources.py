"""Where rows come from: querysets, compiled once for everybody who sees by the same rules."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet, UUIDField
from django.db.models.expressions import BaseExpression
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLType,
)
from strawberry import Info

from engine.plan.selection import SelectedField
from engine.sql.statements import (
    Param,
    ParameterReadError,
    Statement,
    UncheckedSlot,
    check_slots,
    uuid_array_text,
)

if TYPE_CHECKING:
    from engine.walk import Execution

Row: TypeAlias = tuple[Any, ...]
# The name of a value, to a slot for it or to the value itself.
Bind: TypeAlias = Callable[[str], Any]
Build: TypeAlias = Callable[[Info[Any, Any], Bind], QuerySet[Any, Any]]

# The value that is the keys of a level of objects.
KEYS: Final = "keys"
# What the names of arguments' values begin with: what clients write, checked before it is used.
ARGUMENT: Final = "argument "
# Told of each statement: None if it was compiled before, or why it was made for one request.
OnStatement: TypeAlias = Callable[[str | None], None]


class RowSource:
    """Rows of a queryset, for one visibility; UUIDs in them are texts.

    ``build`` makes the queryset, of `values_list`, when it is first read. If that depends on
    more than the visibility, it is made anew each time.
    """

    def __init__(self, selected: SelectedField, build: Build, *, is_cacheable: bool = True) -> None:
        """Take the field whose resolver is told, and what makes the queryset.

        It is not ``is_cacheable`` if the next request will need another one in any case.
        """
        self.selected = selected
        self.build = build
        self.statement: Statement | None = None
        self.is_compiled = not is_cacheable
        # Why it is made anew each time.
        self.reason: Exception | None = None

    def rows(self, execution: "Execution", values: Mapping[str, Any]) -> Sequence[Row]:
        """Read with these values."""
        if not self.is_compiled:
            self._compile(execution)
        statement = self.statement
        if statement is None:
            return self._rows_of_values(execution, values)
        execution.bounds.check_time()
        try:
            rows = self._run(execution, statement, values)
        except ParameterReadError as error:
            # The resolver has to say what becomes of an id that the column cannot have.
            return self._rows_of_values(execution, values, error)
        execution.on_statement(None)
        return rows

    def _rows_of_values(
        self,
        execution: "Execution",
        values: Mapping[str, Any],
        reason: Exception | None = None,
    ) -> Sequence[Row]:
        """Build the queryset with these values, and read it."""
        rows = self.build(execution.info(self.selected), values.__getitem__)
        statement = Statement.of(rows, once=True, text_ids=True)
        unshared = "arguments" if execution.is_shared else "visibility"
        execution.on_statement(getattr(reason or self.reason, "reason", unshared))
        execution.bounds.check_time()
        return self._run(execution, statement, values)

    def _run(
        self, execution: "Execution", statement: Statement, values: Mapping[str, Any]
    ) -> Sequence[Row]:
        values = {**execution.requester_values(), **values}
        if execution.trace is not None:
            return execution.trace.rows(self, values, statement)
        return statement.rows(values)

    def _compile(self, execution: "Execution") -> None:
        """Compile for all who share the requester's visibility.

        Raises whatever the resolver raises for another reason than that it is called with slots.
        """
        if execution.is_shared:
            try:
                with _no_statements():
                    rows = self.build(execution.parametrized_info(self.selected), _slot)
                    check_slots(rows)
                    statement = Statement.of(rows, text_ids=True)
                _require_checked(statement)
                self.statement = statement
            except ParameterReadError as error:
                self.reason = error
        self.is_compiled = True


def _require_checked(statement: Statement) -> None:
    """Raise `ParameterReadError` if a value of the client would reach PostgreSQL unchecked."""
    if any(type(each) is UncheckedSlot for each in statement.params):
        raise ParameterReadError("It is open which column an id is of.", "unchecked id")


def _slot(name: str) -> Param:
    """Return the slot for a value, to be checked if it is what a client wrote."""
    return (UncheckedSlot if name.startswith(ARGUMENT) else Param).named(name)


@contextmanager
def _no_statements() -> Iterator[None]:
    """Refuse to ask the database: the answer could be another one next time."""

    def refuse(*_arguments: Any) -> NoReturn:
        raise ParameterReadError("This depends on what is in the database.", "database")

    with connection.execute_wrapper(refuse):
        yield


def shape(given: Mapping[str, Any], types: Mapping[str, GraphQLType]) -> Hashable | None:
    """Return what tells calls apart that need querysets of their own; None if there are too many.

    Ids are values of slots, and only whether they are null matters.
    """
    parts: list[Hashable] = []
    for name, value in given.items():
        part = _shape(value, types[name])
        if part is None:
            return None
        parts.append((name, part))
    return tuple(parts)


def _shape(value: Any, type_: GraphQLType) -> Hashable | None:
    if isinstance(type_, GraphQLNonNull):
        return _shape(value, type_.of_type)
    if value is None or isinstance(value, bool):
        return (value,)
    if is_id(type_):
        return "id" if value else None
    if isinstance(type_, GraphQLEnumType):
        return value.name if isinstance(value, Enum) else str(value)
    if isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
        # Ids inside are values like any other.
        types = {name: field.type for name, field in type_.fields.items() if not is_id(field.type)}
        return shape(value, types) if value.keys() <= types.keys() else None
    return None


def is_id(type_: GraphQLType) -> bool:
    """Return whether an argument of this type is an id."""
    if isinstance(type_, GraphQLNonNull):
        return is_id(type_.of_type)
    return not isinstance(type_, GraphQLList) and getattr(type_, "name", "") == "ID"


class _EqualsAny(Func):
    """Whether a value is in an array, which `= ANY` looks up where `IN` may join."""

    arg_joiner = " = ANY "
    template = "%(expressions)s"
    output_field = BooleanField()


def is_uuid(field: Any) -> bool:
    """Return whether a model's field is a UUID, or the key of something whose key is one."""
    while field.remote_field:
        field = field.target_field
    return isinstance(field, UUIDField)


def bind_keys(bind: Bind, field: Any) -> Any:
    """Return the operand for keys of objects, as PostgreSQL is to have them."""
    keys = bind(KEYS)
    return keys.then(uuid_array_text) if isinstance(keys, Param) and is_uuid(field) else keys


def bind_only_key(bind: Bind) -> Any:
    """Return the operand for the key of the only object."""
    keys = bind(KEYS)
    first = itemgetter(0)
    return keys.then(first) if isinstance(keys, Param) else first(keys)


def to_python_values(field: Any, texts: Sequence[Any]) -> Sequence[Any]:
    """Return a column's values as the model's field has them: sources leave UUIDs as texts."""
    if not is_uuid(field):
        return texts
    return [None if text is None else UUID(text) for text in texts]


def equals_any(path: str, keys: Any) -> Any:
    """Return the condition that the column's value is one of the keys.

    They are values, or an expression for an array of them, as a slot is.
    """
    if isinstance(keys, BaseExpression):
        return _EqualsAny(F(path), Func(keys, template="(%(expressions)s)"))
    return Q(**{f"{path}__in": list(keys)})
