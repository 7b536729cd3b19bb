"""Fields whose resolver returns a queryset: of the root, and of payloads."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from uuid import UUID

from django.db.models import QuerySet
from graphql import GraphQLInputType
from strawberry import Info

from core.statements import Slot, SlotError
from schema.engine.declarations import django_field, model_of, object_type, possible_types
from schema.engine.plan import SelectedField
from schema.engine.reader import Reader
from schema.engine.relations import finished, visible
from schema.engine.rows import Layout, Records
from schema.engine.sources import Operand, Source, shape
from schema.engine.values import Column, regrouped

if TYPE_CHECKING:
    from schema.engine.execution import Execution

SOURCE = "source"
T = TypeVar("T")


class NoRowsError(SlotError):
    """A resolver returned something else than a queryset."""

    def __init__(self, value: Any) -> None:
        """Carry what it returned."""
        super().__init__("This is no queryset.")
        self.value = value


class Rows(NamedTuple):
    """A field's rows for one visibility, and who reads them."""

    source: Source
    reader: Reader
    layout: Layout


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What is the same of a field's arguments in all requests."""

    keywords: Mapping[str, Any]
    shape: Hashable | None
    # Those in which there are variables, what ids are called, and of what types all are.
    varying: Sequence[str]
    id_names: Sequence[str]
    types: Mapping[str, GraphQLInputType]

    @classmethod
    def of(
        cls, execution: "Execution", selected: SelectedField, leave_out: Sequence[str]
    ) -> "_Arguments":
        types = {name: each.type for name, each in selected.all_arguments.items()}
        varying = [each for each in selected.varying_arguments if each not in leave_out]
        constant = {
            name: value
            for name, value in selected.constant_arguments.items()
            if name not in leave_out
        }
        return cls(
            execution.keywords(selected, constant),
            shape(constant, types),
            varying,
            execution.id_arguments(selected),
            types,
        )

    def ids(self, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the arguments that are ids, by the names of their slots."""
        return {f"argument {name}": keywords[name] for name in self.id_names if keywords.get(name)}


@dataclass(frozen=True, slots=True)
class Call:
    """A field's arguments: as they were given, and as its resolver gets them."""

    given: Mapping[str, Any]
    keywords: Mapping[str, Any]
    values: Mapping[str, Any]
    shape: Any

    @classmethod
    def of(
        cls, execution: "Execution", selected: SelectedField, leave_out: Sequence[str]
    ) -> "Call":
        """Read them, but for those to ``leave_out``. Raises `GraphQLError`."""
        given = selected.arguments(execution.variables)
        known: _Arguments | None = selected.facts.get("arguments")
        if known is None:
            known = selected.facts["arguments"] = _Arguments.of(execution, selected, leave_out)
        if not known.varying:
            return cls(given, known.keywords, known.ids(known.keywords), known.shape)
        varying = {name: given[name] for name in known.varying if name in given}
        keywords = {**known.keywords, **execution.keywords(selected, varying)}
        shaped = None
        if known.shape is not None:
            shaped = shape(varying, known.types)
        if shaped is not None:
            shaped = (known.shape, shaped)
        return cls(given, keywords, known.ids(keywords), shaped)

    def kept(
        self, execution: "Execution", selected: SelectedField, more: Hashable, make: Callable[[], T]
    ) -> T:
        """Return what was made for this visibility and kind of arguments, or make it."""
        if self.shape is None:
            return make()
        kind = (execution.context.visibility(), self.shape, more)
        return cast("T", selected.plan.reading(selected, kind, make))

    def operands(self, operand: Operand) -> dict[str, Any]:
        """Return the keywords, ids as the operand has them."""
        return {
            name: operand(f"argument {name}") if f"argument {name}" in self.values else value
            for name, value in self.keywords.items()
        }


def column_of(execution: "Execution", selected: SelectedField, sources: Sequence[Any]) -> Column:
    """Return the field for each object that has it."""
    columns = [_column(execution, selected, source) for source in sources]
    cells = [cell for column in columns for cell in column.cells]
    return Column(cells, all(column.sound for column in columns))


def _column(execution: "Execution", selected: SelectedField, source: Any) -> Column:
    try:
        call = Call.of(execution, selected, ())
        # Of which type an interface's rows are, is different each time.
        is_fixed = call.shape is not None and model_of(object_type(selected)) is not None

        def make() -> Rows:
            return _rows(execution, selected, source, call, is_fixed=is_fixed)

        rows = call.kept(execution, selected, _shape_of(source), make) if is_fixed else make()
        found = rows.source.rows(execution, {**call.values, SOURCE: source})
    except NoRowsError as error:
        return execution.completed(selected, [error.value])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this field's error
        return finished(selected, Column([selected.place.failed(error)], sound=False))
    records = Records.of(found, len(rows.layout.indexes))
    column = rows.reader.column(execution, records)
    if django_field(selected).is_list:
        column = regrouped(column, [records.size])
    elif not records.size:
        column = Column([None])
    return finished(selected, column)


class _Attributes:
    """An object whose ids and texts are slots."""

    def __init__(self, slot: Slot, source: Any) -> None:
        self._slot, self._source = slot, source

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._source, name)
        if _is_slot(value):
            return self._slot.then(attrgetter(name))
        if value is None or isinstance(value, bool):
            return value
        raise SlotError(f"This depends on {name}.")


def _is_slot(value: Any) -> bool:
    return isinstance(value, UUID) or (isinstance(value, str) and value != "")


def _shape_of(source: Any) -> Hashable:
    """Return what tells objects apart whose querysets differ by more than ids and texts."""
    if not is_dataclass(source):
        return None
    values = ((each.name, getattr(source, each.name)) for each in fields(source))
    return tuple(
        (name, value if value is None or isinstance(value, bool) else _is_slot(value))
        for name, value in values
    )


def _rows(
    execution: "Execution", selected: SelectedField, source: Any, call: Call, *, is_fixed: bool
) -> Rows:
    declared = django_field(selected)
    layout = Layout()

    def queryset(info: Info[Any, Any], operand: Operand) -> QuerySet[Any]:
        owner = operand(SOURCE)
        if isinstance(owner, Slot):
            owner = None if source is None else _Attributes(owner, source)
        rows = execution.call(declared, owner, info, call.operands(operand))
        if not isinstance(rows, QuerySet):
            raise NoRowsError(rows)
        if declared.django_type:
            rows = visible(rows, object_type(selected), info)
        if not declared.is_list:
            rows = (rows if rows.ordered else rows.order_by("pk"))[:1]
        return rows

    type_ = object_type(selected)
    model = model_of(type_)
    # Which type an interface's rows are of, only the queryset tells.
    if model is None:
        model = queryset(
            execution.info(selected), {**call.values, SOURCE: source}.__getitem__
        ).model
        possible = possible_types(selected)
        type_ = next(each for each in possible if model_of(each) is model)
    reader = Reader(execution, selected.below(type_), layout, model)

    def build(info: Info[Any, Any], operand: Operand) -> QuerySet[Any, Any]:
        return layout.select(queryset(info, operand))

    return Rows(Source(selected, build, is_fixed=is_fixed), reader, layout)
