"""The plan of an operation, as text."""

from collections.abc import Iterator
from typing import cast

from django.db import models
from graphql import is_leaf_type

from engine.execution import Execution, FieldResolver
from engine.fields.extensions import FieldReader, FieldRule
from engine.internals.strawberry import model_of
from engine.plan.selection import TYPENAME, SelectedField, Selection
from engine.read.columns import RuledReader
from engine.read.layout import Layout
from engine.read.objects import ObjectReader
from engine.read.querysets import QuerysetResolver
from engine.read.reader import compile_reader
from engine.read.relations import RelationReader
from engine.relay.connection_plan import ConnectionResolver, NestedConnectionReader
from engine.relay.plural import PluralResolver

INDENT = "  "
# What the statement of a connection reads, below the connection and below its edges.
OF_PAGE = {"nodes": "rows of the page", "edges": "rows of the page"}
OF_EDGE = {"node": "rows of the page", "cursor": "position in the page"}


def explain_plan(execution: Execution) -> list[str]:
    """Return a line for each field with how it is read; subfields are indented.

    The strategies are those of the readers and resolvers of this execution, of which a trace was
    made. Of levels that it did not reach, readers are compiled for the visibility of its context.
    """
    return list(_lines_of_objects(execution, execution.plan.root, ""))


def _lines_of_objects(execution: Execution, selection: Selection, indent: str) -> Iterator[str]:
    """Explain fields of objects that are not rows."""
    for selected in selection.fields:
        resolver = execution.resolver(selected)
        yield f"{indent}{_title(selected)}: {resolver.strategy}{_rules(selected)}"
        yield from _lines_below(execution, resolver, indent + INDENT)


def _lines_of_rows(execution: Execution, reader: ObjectReader, indent: str) -> Iterator[str]:
    """Explain fields of rows."""
    for each in reader.fields:
        yield f"{indent}{_title(each.selected)}: {each.strategy}"
        inner = each
        while isinstance(inner, RuledReader):
            inner = inner.reader
        if isinstance(inner, RelationReader):
            yield from _lines_of_rows(execution, inner.objects, indent + INDENT)
        else:
            yield from _lines_below(execution, inner, indent + INDENT)


def _lines_below(
    execution: Execution, field: FieldResolver | FieldReader, indent: str
) -> Iterator[str]:
    """Explain the subfields of a field, for each type that its objects may have."""
    if isinstance(field, ConnectionResolver | NestedConnectionReader):
        (selection,) = field.selected.selections()
        yield from _lines_of_page(execution, selection, OF_PAGE, indent)
        return
    selections = [each for each in field.selected.selections() if each.fields]
    for selection in selections:
        deeper = indent
        if len(selections) > 1:
            yield f"{indent}on {selection.type.name}"
            deeper += INDENT
        if (
            isinstance(field, QuerysetResolver | PluralResolver)
            and model_of(selection.type) is not None
        ):
            yield from _lines_of_rows(execution, _reader(execution, selection), deeper)
        else:
            yield from _lines_of_objects(execution, selection, deeper)


def _lines_of_page(
    execution: Execution, selection: Selection, strategies: dict[str, str], indent: str
) -> Iterator[str]:
    """Explain the fields of a connection, or those of its edges."""
    for selected in selection.fields:
        strategy = strategies.get(selected.name) or execution.resolver(selected).strategy
        yield f"{indent}{_title(selected)}: {strategy}{_rules(selected)}"
        for each in selected.selections():
            if selected.name in {"nodes", "node"}:
                yield from _lines_of_rows(execution, _reader(execution, each), indent + INDENT)
            elif selected.name == "edges":
                yield from _lines_of_page(execution, each, OF_EDGE, indent + INDENT)
            else:
                yield from _lines_of_objects(execution, each, indent + INDENT)


def _reader(execution: Execution, selection: Selection) -> ObjectReader:
    """Return the reader that the execution used, or would have used."""
    found: ObjectReader | None = execution.readers.get(id(selection))
    if found is not None:
        return found
    model = cast("type[models.Model]", model_of(selection.type))
    return compile_reader(execution, selection, Layout(), model)


def _title(selected: SelectedField) -> str:
    title = selected.name if selected.key == selected.name else f"{selected.key} = {selected.name}"
    if selected.name == TYPENAME or is_leaf_type(selected.named_type):
        return title
    return f"{title} ({selected.type})"


def _rules(selected: SelectedField) -> str:
    if selected.name == TYPENAME:
        return ""
    rules = [each for each in selected.strawberry_field.extensions if isinstance(each, FieldRule)]
    return "".join(f", by the rule {type(each).__name__}" for each in rules)
