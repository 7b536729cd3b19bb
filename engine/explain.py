"""The plan of an operation, as text."""

from collections.abc import Iterator
from typing import cast

from django.db import models
from graphql import is_leaf_type
from strawberry import relay

from engine.execution import Execution
from engine.fields.declarations import definition_of, django_field, is_relay_id, returns_queryset
from engine.fields.extensions import FieldRule
from engine.internals.strawberry import model_of
from engine.plan.selection import TYPENAME, SelectedField, Selection
from engine.read.relations import is_joined
from engine.relay.connection_plan import connection_of

INDENT = "  "
# What the statement of a connection reads, below the connection and below its edges.
OF_PAGE = {"nodes": "rows of the page", "edges": "rows of the page"}
OF_EDGE = {"node": "rows of the page", "cursor": "position in the page"}


def explain_plan(execution: Execution) -> list[str]:
    """Return a line for each field with how it is read; subfields are indented.

    Whether a relation is joined depends on the visibility of the context.
    """
    return list(_lines(execution, execution.plan.root, {}, ""))


def _lines(
    execution: Execution, selection: Selection, known: dict[str, str], indent: str
) -> Iterator[str]:
    for selected in selection.fields:
        strategy = known.get(selected.name) or _strategy(execution, selection, selected)
        yield f"{indent}{_title(selected)}: {strategy}{_rules(selected)}"
        subselection = {}
        if selected.name != TYPENAME and connection_of(selected):
            subselection = OF_PAGE
        elif known is OF_PAGE and selected.name == "edges":
            subselection = OF_EDGE
        selections = [each for each in selected.selections() if each.fields]
        for each in selections:
            deeper = indent + INDENT
            if len(selections) > 1:
                yield f"{deeper}on {each.type.name}"
                deeper += INDENT
            yield from _lines(execution, each, subselection, deeper)


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


def _strategy(execution: Execution, selection: Selection, selected: SelectedField) -> str:
    if selected.name == TYPENAME:
        return "name of the type"
    model = model_of(selection.type)
    if connection_of(selected):
        return "statement" if model is None else "statement for the lists of all"
    if model is not None:
        return _model_strategy(execution, selected, model)
    if returns_queryset(selected):
        return "statement"
    return "attribute" if selected.strawberry_field.is_basic_field else "resolver"


def _model_strategy(
    execution: Execution, selected: SelectedField, model: type[models.Model]
) -> str:
    if is_relay_id(selected):
        origin = cast("type[relay.Node]", definition_of(selected.parent).origin)
        return f"column {origin.resolve_id_attr()}"
    strawberry_field = django_field(selected)
    if strawberry_field.base_resolver is not None:
        return "resolver, called for each"
    name = strawberry_field.django_name or strawberry_field.python_name
    if strawberry_field.store.annotate:
        return "computed column"
    relation = model._meta.get_field(name)
    if not relation.is_relation:
        return f"column {name}"
    return "joined" if is_joined(execution, selected, relation) else "statement for all"
