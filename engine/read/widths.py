"""Upper bounds of the bytes of an object of the answer."""

from typing import Final

from graphql import GraphQLEnumType, get_nullable_type, is_leaf_type

from engine.fields.declarations import django_field, is_relay_id, is_string, is_text, model_field
from engine.internals.strawberry import DEFINITION, model_of
from engine.plan.selection import TYPENAME, NotPlannableError, SelectedField, Selection
from engine.result.bounds import ESCAPE, Widths

# Of scalars, by their names, as JSON.
SCALARS: Final = {"Boolean": 5, "Int": 11, "Float": 24, "DateTime": 36, "Date": 12, "UUID": 38}
# Quotes; the punctuation of a key, an object or a list, with a comma.
QUOTES: Final = 2
OVERHEAD: Final = 4
# Base64 of the longest type name and a key.
RELAY_ID: Final = 120


def widths_of(selection: Selection) -> Widths:
    """Return the widths of the selection's objects; computed once."""
    return selection.planned(Widths, lambda: _widths(selection))


def _widths(selection: Selection) -> Widths:
    structure = OVERHEAD
    bounded = 0
    unbounded = []
    leaves = []
    for index, selected in enumerate(selection.fields):
        structure += OVERHEAD + len(selected.key)
        if selected.name == TYPENAME:
            structure += QUOTES + len(selection.type.name)
        elif not is_leaf_type(selected.named_type):
            structure += OVERHEAD
        else:
            leaves.append(index)
            width = _leaf_width(selected)
            if width is None:
                unbounded.append(index)
            else:
                bounded += width
    return Widths(structure, bounded, tuple(unbounded), tuple(leaves))


def _leaf_width(selected: SelectedField) -> int | None:
    """Return the most bytes of a leaf; None if they depend on its value."""
    type_ = get_nullable_type(selected.type)
    if isinstance(type_, GraphQLEnumType):
        return QUOTES + max(map(len, type_.values))
    if is_string(selected):
        length = _max_length(selected)
        return None if length is None else QUOTES + ESCAPE * length
    is_node = DEFINITION in selected.parent.extensions and is_relay_id(selected)
    return RELAY_ID if is_node else SCALARS.get(getattr(type_, "name", ""))


def _max_length(selected: SelectedField) -> int | None:
    """Return the maximum length of the model's column, if the field has one."""
    if model_of(selected.parent) is None:
        return None
    strawberry_field = django_field(selected)
    if strawberry_field.base_resolver is not None or strawberry_field.store.annotate:
        return None
    try:
        db_field = model_field(selected)
    except NotPlannableError:
        return None
    length: int | None = db_field.max_length if is_text(db_field) else None
    return length
