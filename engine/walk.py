"""The walk of a plan: breadth first, each field once for all objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

from graphql import GraphQLObjectType, is_abstract_type
from graphql.execution import default_field_resolver, default_type_resolver
from strawberry.types.field import StrawberryField

from engine.deadline import OperationCancelledError
from engine.execution import Execution, FieldResolver
from engine.fields.declarations import is_plural, returns_queryset
from engine.internals.graphql_core import invalid_type_error, runtime_type
from engine.internals.strawberry import model_of
from engine.plan.arguments import is_immutable
from engine.plan.selection import TYPENAME, SelectedField, Selection, finish_column
from engine.read.querysets import QuerysetResolver
from engine.read.widths import widths_of
from engine.relay.connection_plan import ConnectionResolver, connection_of
from engine.relay.plural import PluralResolver
from engine.result.bounds import FieldCancelledError
from engine.result.completion import Column, ErrorCell, ObjectFactory, assemble_objects


@dataclass(slots=True)
class QueryExecution(Execution):
    """An execution of a query, which is cancelled as a whole."""

    def objects(self, selection: Selection, sources: Sequence[Any]) -> Column:
        """Return what is selected of objects, none of which is null."""
        columns = [self.field(each, sources) for each in selection.fields]
        self.add_level(selection, columns, len(sources))
        return assemble_objects(selection.object_factory, columns, len(sources))

    def root(self) -> Any:
        """Return the cell of the root. Raises `OperationCancelledError`."""
        selection = self.plan.root
        columns = []
        for each in selection.fields:
            column = self.field(each, [self.root_value])
            self.bounds.complete(column.cells)
            columns.append(column)
        return assemble_objects(selection.object_factory, columns, 1).cells[0]

    def add_level(self, selection: Selection, columns: Sequence[Column], size: int) -> None:
        """Count a level of objects, before they are made. Raises `OperationCancelledError`."""
        self.bounds.check_time()
        self.bounds.add_level(widths_of(selection), columns, size)

    def resolver(self, selected: SelectedField) -> FieldResolver:
        """Return what resolves a field of objects that are not rows; planned once."""
        return selected.planned(FieldResolver, lambda: _plan_field(selected))

    def field(self, selected: SelectedField, sources: Sequence[Any]) -> Column:
        """Return one field of objects that are not rows."""
        return self.resolver(selected).resolve(self, sources)

    def resolve_field(self, selected: SelectedField, sources: Sequence[Any]) -> Column:
        """Resolve the field for each object."""
        return self.complete_values(selected, self._resolve_values(selected, sources))

    def complete_values(self, selected: SelectedField, values: Sequence[Any]) -> Column:
        """Complete what resolvers returned for each object, or raised."""
        return selected.complete_values(values, lambda some: self.complete_objects(selected, some))

    def complete_objects(self, selected: SelectedField, values: Sequence[Any]) -> Column:
        """Return what is selected of values, which may be of several types."""
        type_ = selected.named_type
        if isinstance(type_, GraphQLObjectType) and not type_.is_type_of:
            return self.objects(selected.subselection(type_), values)
        types = [self._type_of(selected, type_, value) for value in values]
        cells: list[Any] = [
            selected.place.error_cell(each) if isinstance(each, Exception) else None
            for each in types
        ]
        is_error_free = not any(isinstance(each, Exception) for each in types)
        for each in dict.fromkeys(types):
            if isinstance(each, GraphQLObjectType):
                indexes = [index for index, other in enumerate(types) if other is each]
                column = self.objects(
                    selected.subselection(each), [values[index] for index in indexes]
                )
                is_error_free = is_error_free and column.is_error_free
                for index, cell in zip(indexes, column.cells, strict=True):
                    cells[index] = cell
        return Column(cells, is_error_free)

    def _type_of(
        self, selected: SelectedField, type_: Any, value: Any
    ) -> GraphQLObjectType | Exception:
        """Return the type of an object, or the error of an impossible type."""
        info = self.raw_info(selected)
        try:
            if is_abstract_type(type_):
                name = (type_.resolve_type or default_type_resolver)(value, info, type_)
                type_ = runtime_type(self.plan.document, name, type_, selected.details, info, value)
            if type_.is_type_of and not type_.is_type_of(value, info):
                return invalid_type_error(type_, value, selected.details)
        except Exception as error:  # noqa: BLE001 - any error is the object's
            return error
        return cast("GraphQLObjectType", type_)

    def _resolve_values(self, selected: SelectedField, sources: Sequence[Any]) -> Sequence[Any]:
        """Return what the field's resolver returns or raises for each object."""
        values: list[Any] = []
        try:
            resolve = self._resolver(selected)
        except Exception as error:  # noqa: BLE001 - any error is the field's
            return [error] * len(sources)
        for source in sources:
            try:
                values.append(resolve(source))
            except Exception as error:  # noqa: BLE001 - any error is the object's
                values.append(error)
        return values

    def _resolver(self, selected: SelectedField) -> Callable[[Any], Any]:
        """Return what resolves the field for an object. Raises `GraphQLError`."""
        strawberry_field = selected.strawberry_field
        if (
            type(strawberry_field) is StrawberryField
            and strawberry_field.base_resolver
            and not strawberry_field.extensions
        ):
            # Strawberry would do the same, but convert the arguments for each object.
            own = self.info(selected) if strawberry_field.base_resolver.info_parameter else None
            keywords = self.keywords_of_each(selected)
            return lambda source: self.call(strawberry_field, source, own, keywords())
        resolve = (selected.definition and selected.definition.resolve) or default_field_resolver
        raw = self.raw_info(selected)
        arguments = selected.arguments(self.variables)
        if is_immutable(arguments):
            return lambda source: resolve(source, raw, **arguments)
        # Each object's resolver may change its own.
        unused = [arguments]
        return lambda source: resolve(
            source, raw, **(unused.pop() if unused else selected.arguments(self.variables))
        )


def _plan_field(selected: SelectedField) -> FieldResolver:
    if selected.name == TYPENAME:
        return TypenameResolver(selected)
    if model_of(selected.parent) is None:
        if connection_of(selected):
            return ConnectionResolver(selected)
        if is_plural(selected):
            return PluralResolver(selected)
        if returns_queryset(selected):
            return QuerysetResolver(selected)
    if selected.strawberry_field.is_basic_field:
        return AttributeResolver(selected, attrgetter(selected.strawberry_field.python_name))
    return ObjectResolver(selected)


@dataclass(frozen=True, slots=True, eq=False)
class TypenameResolver(FieldResolver):
    """Repeats the name of the type."""

    @property
    def strategy(self) -> str:
        """The same for all objects."""
        return "name of the type"

    def resolve(self, execution: Execution, sources: Sequence[Any]) -> Column:  # noqa: ARG002
        """Return the name for each object."""
        return Column([self.selected.parent.name] * len(sources))


@dataclass(frozen=True, slots=True, eq=False)
class ObjectResolver(FieldResolver):
    """Calls the field's resolver for each object."""

    @property
    def strategy(self) -> str:
        """Whatever the resolver does."""
        return "resolver"

    def resolve(self, execution: Execution, sources: Sequence[Any]) -> Column:
        """Return what the resolver returns for each object, completed."""
        return execution.resolve_field(self.selected, sources)


@dataclass(frozen=True, slots=True, eq=False)
class AttributeResolver(FieldResolver):
    """Reads an attribute of all objects; one by one if one of them raises."""

    read: Callable[[Any], Any]

    @property
    def strategy(self) -> str:
        """Without a resolver of its own."""
        return "attribute"

    def resolve(self, execution: Execution, sources: Sequence[Any]) -> Column:
        """Return the attribute of each object, completed."""
        try:
            values = list(map(self.read, sources))
        except Exception:  # noqa: BLE001 - each is read alone then
            return execution.resolve_field(self.selected, sources)
        return execution.complete_values(self.selected, values)


@dataclass(slots=True)
class MutationExecution(QueryExecution):
    """An execution of a mutation, whose root fields run one after the other.

    Changes are committed even if the response is too large or too late. So the operation is never
    cancelled as a whole: a cancelled field fails, and the other fields of the payload are returned.
    """

    _is_in_payload: bool = False

    def root(self) -> Any:
        """Return the cell of the root; stop at the first error cell."""
        selection = self.plan.root
        columns: list[Column] = []
        for each in selection.fields:
            try:
                self.bounds.check_time()
                # Explicitly, because a dataclass with slots is another class than `super` knows.
                column = QueryExecution.field(self, each, [self.root_value])
            except OperationCancelledError as error:
                column = _cancelled_column(each, error, 1, is_executed=False)
            except Exception as error:  # noqa: BLE001 - any error is the field's
                # The field may have been executed, so the others are returned.
                column = finish_column(
                    each, Column([each.place.error_cell(error)], is_error_free=False)
                )
            columns.append(column)
            if isinstance(column.cells[0], ErrorCell):
                break
        if len(columns) == len(selection.fields):
            return assemble_objects(selection.object_factory, columns, 1).cells[0]
        return assemble_objects(
            ObjectFactory(selection.object_factory.keys[: len(columns)]), columns, 1
        ).cells[0]

    def field(self, selected: SelectedField, sources: Sequence[Any]) -> Column:
        """Return a field of a payload, or of objects below."""
        if self._is_in_payload:
            return QueryExecution.field(self, selected, sources)
        before = self.bounds.mark()
        self._is_in_payload = True
        try:
            column = QueryExecution.field(self, selected, sources)
            self.bounds.complete(column.cells)
        except OperationCancelledError as error:
            self.bounds.restore(before)
            return _cancelled_column(selected, error, len(sources), is_executed=True)
        finally:
            self._is_in_payload = False
        return column

    def add_level(self, selection: Selection, columns: Sequence[Column], size: int) -> None:
        """Count a level below a payload; the payload itself is returned after the deadline too."""
        if self._is_in_payload:
            self.bounds.add_level(widths_of(selection), columns, size)


def _cancelled_column(
    selected: SelectedField, error: OperationCancelledError, size: int, *, is_executed: bool
) -> Column:
    """Return the column of a cancelled field."""
    failed = FieldCancelledError(error, is_executed=is_executed)
    return finish_column(
        selected, Column([selected.place.error_cell(failed)] * size, is_error_free=False)
    )
