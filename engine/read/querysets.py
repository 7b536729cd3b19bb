"""Fields of the root and of payloads whose resolver returns a queryset."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from operator import attrgetter
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db.models import Model, QuerySet
from graphql import GraphQLInputType, GraphQLObjectType, is_abstract_type
from strawberry import Info

from engine.execution import Execution, FieldResolver
from engine.fields.declarations import (
    django_field,
    django_result,
    is_plain,
    object_type,
    returned_rows,
    type_of_rows,
)
from engine.internals.strawberry import model_of, visible_queryset
from engine.plan.arguments import shape
from engine.plan.selection import SelectedField, finish_column
from engine.read.layout import Layout, SelectedRows
from engine.read.objects import ObjectReader
from engine.read.reader import compile_reader
from engine.read.relations import in_order
from engine.read.sources import ARGUMENT, RowSource
from engine.result.completion import Column, group_cells
from engine.result.rows import RowColumns
from engine.sql.keys import Bind
from engine.sql.statements import Param, ParameterReadError, UncheckedParam

SOURCE = "source"
T = TypeVar("T")


class NotAQuerySetError(ParameterReadError):
    """A resolver returned something other than a queryset that the engine reads."""

    def __init__(self, value: Any) -> None:
        """Carry the value."""
        super().__init__("This is not a queryset that the engine reads.", "no queryset")
        self.value = value


@dataclass(frozen=True, slots=True)
class _ConstantArguments:
    """The arguments of a field that are the same in all requests."""

    keywords: Mapping[str, Any]
    shape: Hashable | None
    # The arguments with variables, the names of ids, and the types of all arguments.
    varying: Sequence[str]
    id_names: Sequence[str]
    types: Mapping[str, GraphQLInputType]

    @classmethod
    def of(
        cls, execution: Execution, selected: SelectedField, excluded: Sequence[str]
    ) -> "_ConstantArguments":
        types = {name: each.type for name, each in selected.all_arguments.items()}
        varying = [each for each in selected.varying_arguments if each not in excluded]
        constant = {
            name: value
            for name, value in selected.constant_arguments.items()
            if name not in excluded
        }
        return cls(
            execution.keywords(selected, constant),
            shape(constant, types),
            varying,
            execution.id_arguments(selected),
            types,
        )

    def ids(self, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ids among the arguments, by the names of their bind parameters."""
        return {f"{ARGUMENT}{name}": keywords[name] for name in self.id_names if keywords.get(name)}


@dataclass(frozen=True, slots=True)
class FieldArguments:
    """A field's arguments, as coerced and as its resolver takes them."""

    given: Mapping[str, Any]
    keywords: Mapping[str, Any]
    values: Mapping[str, Any]
    shape: Any
    # The keywords that other requests share, if any of them is mutable.
    shared: Mapping[str, Any]

    @classmethod
    def of(
        cls, execution: Execution, selected: SelectedField, excluded: Sequence[str]
    ) -> "FieldArguments":
        """Coerce all arguments except the ``excluded`` ones. Raises `GraphQLError`."""
        given = selected.shared_arguments(execution.variables)
        known = selected.planned(
            _ConstantArguments, lambda: _ConstantArguments.of(execution, selected, excluded)
        )
        shared = {} if selected.has_immutable_constants else known.keywords
        if not known.varying:
            return cls(given, known.keywords, known.ids(known.keywords), known.shape, shared)
        varying = {name: given[name] for name in known.varying if name in given}
        keywords = {**known.keywords, **execution.keywords(selected, varying)}
        shaped = None
        if known.shape is not None:
            shaped = shape(varying, known.types)
        if shaped is not None:
            shaped = (known.shape, shaped)
        return cls(given, keywords, known.ids(keywords), shaped, shared)

    def cached(
        self, execution: Execution, selected: SelectedField, more: Hashable, make: Callable[[], T]
    ) -> T:
        """Return the cached value for this visibility and shape of arguments, or make it."""
        if self.shape is None or not execution.is_shared:
            return make()
        kind = (execution.context.visibility(), self.shape, more)
        return cast("T", selected.plan.compiled(selected, kind, make))

    def bind_arguments(self, bind: Bind | None = None) -> dict[str, Any]:
        """Return the keywords for one call of the resolver, ids as bind parameters.

        Constants are copied, because a resolver may change its arguments. Variables are not: they
        belong to the request, as with graphql-core, and may nest more deeply than a copy can.
        """
        keywords = dict(self.keywords)
        keywords |= {name: deepcopy(value) for name, value in self.shared.items()}
        if bind is not None:
            ids = (name for name in keywords if f"{ARGUMENT}{name}" in self.values)
            keywords |= {name: bind(f"{ARGUMENT}{name}") for name in ids}
        return keywords


@dataclass(frozen=True, slots=True, eq=False)
class QuerysetResolver(FieldResolver):
    """Reads the rows of the queryset that the field's resolver returns."""

    @property
    def strategy(self) -> str:
        """One for each object that has the field."""
        return "statement"

    def resolve(self, execution: Execution, sources: Sequence[Any]) -> Column:
        """Return the field of each object."""
        columns = [self._column(execution, source) for source in sources]
        cells = [cell for column in columns for cell in column.cells]
        return Column(cells, all(column.is_error_free for column in columns))

    def _column(self, execution: Execution, source: Any) -> Column:
        selected = self.selected
        try:
            rows, values = self._compiled(execution, source)
            found = rows.source.rows(execution, values)
        except NotAQuerySetError as error:
            return execution.complete_values(selected, [error.value])
        except Exception as error:  # noqa: BLE001 - any error is the field's
            return finish_column(
                selected, Column([selected.place.error_cell(error)], is_error_free=False)
            )
        records = RowColumns.of(*found)
        column = rows.reader.column(execution, records)
        if django_field(selected).is_list:
            column = group_cells(column, [records.size])
        elif not records.size:
            column = Column([None])
        return finish_column(selected, column)

    def _compiled(self, execution: Execution, source: Any) -> "tuple[RowPlan, Mapping[str, Any]]":
        """Return the plan of the rows, and its values. Raises the errors of the arguments."""
        selected = self.selected
        call = FieldArguments.of(execution, selected, ())
        values = {**call.values, SOURCE: source}
        # The type of an interface's rows depends on the queryset.
        is_cacheable = (
            call.shape is not None
            and execution.is_shared
            and not is_abstract_type(selected.named_type)
        )

        def compile_rows() -> RowPlan:
            rows = FieldRows(selected, call, source)
            return RowPlan.of(execution, rows, values, is_cacheable=is_cacheable)

        if not is_cacheable:
            return compile_rows(), values
        return call.cached(execution, selected, _source_shape(source), compile_rows), values


class _ParamAttributes:
    """An object whose ids and texts are bind parameters."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._source, name)
        if _is_param(value):
            read = attrgetter(name)
            return UncheckedParam(lambda values: read(values[SOURCE]))
        if value is None or isinstance(value, bool):
            return value
        raise ParameterReadError(f"This depends on {name}.", "attribute")


def _is_param(value: Any) -> bool:
    return isinstance(value, UUID) or (isinstance(value, str) and value != "")


def _source_shape(source: Any) -> Hashable:
    """Return the cache key of an object's querysets: all attributes but ids and texts."""
    if not is_dataclass(source):
        return None
    values = ((each.name, getattr(source, each.name)) for each in fields(source))
    return tuple(
        (name, value if value is None or isinstance(value, bool) else _is_param(value))
        for name, value in values
    )


@dataclass(frozen=True, slots=True, eq=False)
class FieldRows:
    """The queryset that a field's resolver returns, for values or for bind parameters."""

    selected: SelectedField
    call: FieldArguments
    # The object that has the field.
    source: Any

    def queryset(self, info: Info[Any, Any], bind: Bind) -> QuerySet[Any]:
        """Call the resolver. Raises its errors, and `NotAQuerySetError`."""
        strawberry_field = django_field(self.selected)
        owner = bind(SOURCE)
        if isinstance(owner, Param):
            owner = None if self.source is None else _ParamAttributes(self.source)
        keywords = self.call.bind_arguments(bind)
        rows = returned_rows(Execution.call(strawberry_field, owner, info, keywords))
        if not isinstance(rows, QuerySet):
            raise NotAQuerySetError(rows)
        seen = visible_queryset(rows, strawberry_field.django_type, info)
        is_read = is_plain(rows) and is_plain(seen)
        if not is_read or type_of_rows(self.selected, seen.model) is None:
            raise NotAQuerySetError(django_result(strawberry_field, rows, info))
        if not strawberry_field.is_list:
            seen = (seen if seen.ordered else seen.order_by("pk"))[:1]
        return in_order(seen)


@dataclass(frozen=True, slots=True, eq=False)
class RowPlan:
    """What reads the rows of a field, for one visibility and shape of arguments."""

    source: RowSource
    reader: ObjectReader

    @classmethod
    def of(
        cls,
        execution: Execution,
        rows: FieldRows,
        values: Mapping[str, Any],
        *,
        is_cacheable: bool,
    ) -> "RowPlan":
        """Compile the plan of a field's rows. Raises `NotAQuerySetError`."""
        selected = rows.selected
        type_ = object_type(selected)
        # The type of an interface's rows depends on the queryset.
        if is_abstract_type(type_):
            found = rows.queryset(execution.info(selected), values.__getitem__)
            type_ = cast("GraphQLObjectType", type_of_rows(selected, found.model))
        layout = Layout()
        model = cast("type[Model]", model_of(type_))
        reader = compile_reader(execution, selected.subselection(type_), layout, model)

        def build(info: Info[Any, Any], bind: Bind) -> SelectedRows:
            return layout.select(rows.queryset(info, bind), info)

        return cls(RowSource(selected, build, is_cacheable=is_cacheable), reader)
