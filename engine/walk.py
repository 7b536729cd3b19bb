"""One execution of a plan: breadth first, each field once for all objects that have it."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, Protocol, Self, TypeAlias, TypeGuard, cast

from django.db import models
from graphql import (
    GraphQLObjectType,
    GraphQLResolveInfo,
    is_abstract_type,
)
from graphql.execution import default_field_resolver, default_type_resolver
from graphql.execution.executor import Executor, invalid_return_type_error
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry import Info, Schema
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from engine.deadline import OperationCancelledError
from engine.plan.declarations import model_of, returns_queryset
from engine.plan.selection import TYPENAME, Plan, SelectedField, Selection, is_immutable
from engine.read import querysets
from engine.read.relations import finish_column
from engine.read.sources import OnStatement, is_id
from engine.read.widths import widths_of
from engine.relay import connection_plan
from engine.relay.connection_plan import connection_of
from engine.result.bounds import Bounds, FieldCancelledError
from engine.result.completion import Column, ErrorCell, ObjectFactory, assemble_objects
from engine.trace import Trace

NO_VALUES: Final[Mapping[str, Any]] = {}


class RequestContext(Protocol):
    """What the engine asks of a context that declares its visibility.

    Of any other context it asks nothing, and shares nothing made for it with other requests.
    """

    def visibility(self) -> Hashable:
        """Return what the requester's view depends on: who agrees in it sees by the same rules."""

    def with_params(self) -> Self:
        """Return a context of the same visibility, with slots for what differs."""

    def values(self) -> Mapping[str, Any]:
        """Return the values for those slots."""

    def expect(self, rows: Iterable[models.Model]) -> None:
        """Take notice of a level of objects."""


def _ignore(_reason: str | None) -> None:
    """Count nothing."""


@dataclass(slots=True)
class Execution:
    """A plan, and what belongs to one request."""

    plan: Plan
    schema: Schema
    context: RequestContext
    variables: VariableValues
    root_value: Any = None
    # None in production.
    trace: Trace | None = None
    bounds: Bounds = field(default_factory=Bounds)
    on_statement: OnStatement = _ignore
    # Whether the context says who else sees the same; if not, nothing is kept for others.
    is_shared: bool = field(init=False)
    _infos: dict[int, Info[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find out whether the context declares a visibility."""
        self.is_shared = hasattr(self.context, "visibility")

    def requester_values(self) -> Mapping[str, Any]:
        """Return the values for the slots of the context."""
        return self.context.values() if self.is_shared else NO_VALUES

    def expect(self, rows: Iterable[models.Model]) -> None:
        """Announce a level of objects to the context."""
        if self.is_shared:
            self.context.expect(rows)

    def info(self, selected: SelectedField) -> Info[Any, Any]:
        """Return what the field's resolver is told, the same for all objects.

        Its path ends with the field and does not tell which object it is.
        """
        found = self._infos.get(id(selected))
        if found is None:
            found = Info(_raw_info=self.raw_info(selected), _field=selected.strawberry_field)
            self._infos[id(selected)] = found
        return found

    def raw_info(self, selected: SelectedField) -> GraphQLResolveInfo[Any]:
        """Return the same as graphql-core has it."""
        document = self.plan.document
        return GraphQLResolveInfo(
            field_name=selected.name,
            field_nodes=selected.nodes,
            return_type=selected.type,
            parent_type=selected.parent,
            path=Path(None, selected.key, selected.parent.name),
            schema=document.schema,
            fragments=cast("dict[str, Any]", document.fragments),
            root_value=self.root_value,
            operation=document.operation,
            # As Strawberry's executor has them.
            variable_values=cast("VariableValues", self.variables.coerced),
            context=self.context,
            is_awaitable=_is_never_awaitable,
            abort_signal=None,
            async_helpers=cast("Any", None),
        )

    def parametrized_info(self, selected: SelectedField) -> Info[Any, Any]:
        """Return what a resolver is told when it is asked for everybody of this visibility."""
        if not self.is_shared:
            return self.info(selected)
        raw = self.raw_info(selected)._replace(context=self.context.with_params())
        return Info(_raw_info=raw, _field=selected.strawberry_field)

    def keywords(self, selected: SelectedField, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments as the field's resolver gets them."""
        if not given:
            return {}
        return convert_arguments(
            dict(given),
            selected.strawberry_field.arguments,
            scalar_registry=self.schema.schema_converter.scalar_registry,
            config=self.schema.config,
            info=self.info(selected),
        )

    def keywords_of_each(self, selected: SelectedField) -> Callable[[], Mapping[str, Any]]:
        """Return what makes the keywords for each object: new ones, if a resolver can change them.

        Raises `GraphQLError`.
        """
        given = selected.arguments(self.variables)
        keywords = self.keywords(selected, given)
        if is_immutable(given):
            return lambda: keywords
        return lambda: self.keywords(selected, selected.arguments(self.variables))

    def id_arguments(self, selected: SelectedField) -> Sequence[str]:
        """Return the names, as its resolver has them, of the field's arguments that are ids."""
        name_of = self.schema.config.name_converter.from_argument
        return [
            argument.python_name
            for argument in selected.strawberry_field.arguments
            if is_id(selected.all_arguments[name_of(argument)].type)
        ]

    @staticmethod
    def call(
        strawberry_field: StrawberryField,
        source: Any,
        info: Info[Any, Any] | None,
        keywords: Mapping[str, Any],
    ) -> Any:
        """Call the field's own resolver, past Strawberry's extensions.

        It needs an ``info`` only if the resolver asks for it.
        """
        resolver = strawberry_field.base_resolver
        if resolver is None:
            raise TypeError(f"{strawberry_field.python_name} has no resolver.")
        named = dict(keywords)
        if resolver.info_parameter:
            named[resolver.info_parameter.name] = info
        for parameter in (resolver.parent_parameter, resolver.root_parameter):
            if parameter:
                named[parameter.name] = source
        positional = [source] if resolver.self_parameter else []
        return resolver(*positional, **named)

    def objects(self, selection: Selection, sources: Sequence[Any]) -> Column:
        """Return what is selected of objects that are there."""
        columns = [self.field(selection, each, sources) for each in selection.fields]
        self.add_level(selection, columns, len(sources))
        return assemble_objects(selection.object_factory, columns, len(sources))

    def root(self) -> Any:
        """Return the cell of the root. Raises `OperationCancelledError`."""
        selection = self.plan.root
        columns = []
        for each in selection.fields:
            column = self.field(selection, each, [self.root_value])
            self.bounds.complete(column.cells)
            columns.append(column)
        return assemble_objects(selection.object_factory, columns, 1).cells[0]

    def add_level(self, selection: Selection, columns: Sequence[Column], size: int) -> None:
        """Count a level of objects, before they are made. Raises `OperationCancelledError`."""
        self.bounds.check_time()
        self.bounds.add_level(widths_of(selection), columns, size)

    def field(
        self, selection: Selection, selected: SelectedField, sources: Sequence[Any]
    ) -> Column:
        """Return one field of objects that are not rows."""
        column_resolver: ColumnResolver | None = selected.facts.get("way")
        if column_resolver is None:
            column_resolver = selected.facts["way"] = _column_resolver(selection, selected)
        return column_resolver(self, selected, sources)

    def resolve_field(self, selected: SelectedField, sources: Sequence[Any]) -> Column:
        """Return what the field's resolver says of each object."""
        return self.complete_values(selected, self._resolve_values(selected, sources))

    def complete_values(self, selected: SelectedField, values: Sequence[Any]) -> Column:
        """Complete what resolvers returned for each object, or raised."""
        return selected.complete_values(values, lambda some: self._complete_objects(selected, some))

    def _complete_objects(self, selected: SelectedField, values: Sequence[Any]) -> Column:
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
        """Return the type of an object, or why it has none that it may have."""
        info = self.raw_info(selected)
        try:
            if is_abstract_type(type_):
                name = (type_.resolve_type or default_type_resolver)(value, info, type_)
                # Of an executor it needs the schema only.
                document = cast("Any", self.plan.document)
                type_ = Executor.ensure_valid_runtime_type(
                    document, name, type_, selected.details, info, value
                )
            if type_.is_type_of and not type_.is_type_of(value, info):
                return invalid_return_type_error(type_, value, selected.details)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this object's error
            return error
        return cast("GraphQLObjectType", type_)

    def _resolve_values(self, selected: SelectedField, sources: Sequence[Any]) -> Sequence[Any]:
        """Return what the field's resolver returns for each object, or raises."""
        values: list[Any] = []
        try:
            resolve = self._resolver(selected)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this field's error
            return [error] * len(sources)
        for source in sources:
            try:
                values.append(resolve(source))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this object's error
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
            # Strawberry would do no more, but convert the arguments for each object.
            own = self.info(selected) if strawberry_field.base_resolver.info_parameter else None
            keywords = self.keywords_of_each(selected)
            return lambda source: self.call(strawberry_field, source, own, keywords())
        resolve = (selected.definition and selected.definition.resolve) or default_field_resolver
        raw = self.raw_info(selected)
        arguments = selected.arguments(self.variables)
        if is_immutable(arguments):
            return lambda source: resolve(source, raw, **arguments)
        return lambda source: resolve(source, raw, **selected.arguments(self.variables))


# How a field of objects that are not rows comes to its column.
ColumnResolver: TypeAlias = Callable[[Execution, SelectedField, Sequence[Any]], Column]


def _column_resolver(selection: Selection, selected: SelectedField) -> ColumnResolver:
    if selected.name == TYPENAME:
        name = selection.type.name
        return lambda _execution, _selected, sources: Column([name] * len(sources))
    if model_of(selection.type) is None:
        if connection_of(selected):
            return connection_plan.resolve_column
        if returns_queryset(selected):
            return querysets.resolve_column
    if selected.strawberry_field.is_basic_field:
        return _attribute(selected.strawberry_field.python_name)
    return Execution.resolve_field


def _attribute(name: str) -> ColumnResolver:
    """Return what reads an attribute of all objects at once, unless one has trouble with it."""
    read = attrgetter(name)

    def column_resolver(
        execution: Execution, selected: SelectedField, sources: Sequence[Any]
    ) -> Column:
        try:
            values = list(map(read, sources))
        except Exception:  # noqa: BLE001 - each is read by itself then
            return execution.resolve_field(selected, sources)
        return execution.complete_values(selected, values)

    return column_resolver


@dataclass(slots=True)
class MutationExecution(Execution):
    """An execution whose fields change something, one after the other.

    What is changed stays so when the answer turns out too large or too late. So nothing ends the
    execution as a whole: a field that is cancelled fails, and the rest of its payload is answered.
    """

    _is_in_payload: bool = False

    def root(self) -> Any:
        """Return the cell of the root; stop at a failure."""
        selection = self.plan.root
        columns: list[Column] = []
        for each in selection.fields:
            try:
                self.bounds.check_time()
                # Explicitly, because a dataclass with slots is another class than `super` knows.
                column = Execution.field(self, selection, each, [self.root_value])
            except OperationCancelledError as error:
                column = _cancelled_column(each, error, 1, is_executed=False)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this field's error
                # The field may have been carried out, so the others are answered.
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

    def field(
        self, selection: Selection, selected: SelectedField, sources: Sequence[Any]
    ) -> Column:
        """Return a field of a payload, or of objects below."""
        if self._is_in_payload:
            return Execution.field(self, selection, selected, sources)
        before = self.bounds.mark()
        self._is_in_payload = True
        try:
            column = Execution.field(self, selection, selected, sources)
            self.bounds.complete(column.cells)
        except OperationCancelledError as error:
            self.bounds.restore(before)
            return _cancelled_column(selected, error, len(sources), is_executed=True)
        finally:
            self._is_in_payload = False
        return column

    def add_level(self, selection: Selection, columns: Sequence[Column], size: int) -> None:
        """Count a level below a payload, which itself has to be answered, however late it is.

        What is read for it has to be in time.
        """
        if self._is_in_payload:
            self.bounds.add_level(widths_of(selection), columns, size)


def _cancelled_column(
    selected: SelectedField, error: OperationCancelledError, size: int, *, is_executed: bool
) -> Column:
    """Return the column of a field that was cancelled."""
    failed = FieldCancelledError(error, is_executed=is_executed)
    return finish_column(
        selected, Column([selected.place.error_cell(failed)] * size, is_error_free=False)
    )


def _is_never_awaitable(_value: Any) -> TypeGuard[Any]:
    return False
