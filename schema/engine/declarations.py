"""What Strawberry and strawberry-django know of types and fields."""

from collections.abc import Sequence
from typing import Any, cast

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.query_utils import DeferredAttribute
from graphql import (
    GraphQLObjectType,
    GraphQLString,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
)
from strawberry import UNSET, relay
from strawberry_django.fields.field import StrawberryDjangoField
from strawberry_django.utils.typing import get_django_definition

from schema.engine.extensions import Descriptive, FieldRule, ReadExtension
from schema.engine.plan import DEFINITION, TYPENAME, SelectedField, Selection, UnplannableError


def look_through(selection: Selection) -> None:
    """Look at all that is selected. Raises `UnplannableError` for what the engine cannot do."""
    for selected in selection.fields:
        if selected.name != TYPENAME and not is_relay_id(selected):
            if selected.declared.is_async:
                raise UnplannableError(f"{selected.parent}.{selected.name} is asynchronous")
            if model_of(selection.type) is not None:
                _check_of_model(selected)
            else:
                is_of_rows(selected)
            if any(isinstance(each, ReadExtension) for each in selected.declared.extensions):
                _check_of_items(selected)
        for below in selected.selections():
            look_through(below)


def is_of_rows(selected: SelectedField) -> bool:
    """Return whether the engine reads what the field's resolver returns.

    Raises `UnplannableError` if it has an extension that the engine does not know.
    """
    declared = selected.declared
    if not isinstance(declared, StrawberryDjangoField) or declared.base_resolver is None:
        return False
    type_ = selected.named_type
    if not is_abstract_type(type_) and model_of(cast("GraphQLObjectType", type_)) is None:
        return False
    _check_extensions(selected)
    return declared.is_list or declared.is_optional


def _check_of_model(selected: SelectedField) -> None:
    declared = selected.declared
    if not isinstance(declared, StrawberryDjangoField):
        raise UnplannableError(f"{selected.parent}.{selected.name} is not Django's")
    _check_extensions(selected)
    store, has_resolver = declared.store, declared.base_resolver is not None
    if store.prefetch_related or (store.annotate and (has_resolver or len(store.annotate) > 1)):
        raise UnplannableError(f"{selected.parent}.{selected.name} prefetches or annotates")
    if not (has_resolver or store.annotate):
        shown = model_field(selected)
        if not (shown.is_relation or _is_column(selected, shown)):
            raise UnplannableError(f"{selected.parent}.{selected.name} is not a column's value")


def _is_column(selected: SelectedField, shown: Any) -> bool:
    """Return whether an instance has the column's value for the field: of a file it has more."""
    is_leaf = is_leaf_type(selected.named_type)
    return is_leaf and shown.descriptor_class is DeferredAttribute


def _check_of_items(selected: SelectedField) -> None:
    """Check a connection, and what is between it and its items, which the engine makes itself."""
    _check_extensions(selected)
    for each in selected.below(object_type(selected)).fields:
        if each.name in {"nodes", "edges"}:
            _check_extensions(each)
        if each.name == "edges":
            for inner in each.below(object_type(each)).fields:
                if inner.name not in {"node", "cursor", TYPENAME}:
                    raise UnplannableError(f"{inner.parent}.{inner.name}")
                if inner.name != TYPENAME:
                    _check_extensions(inner)


def _check_extensions(selected: SelectedField) -> None:
    declared = selected.declared
    for extension in declared.extensions:
        if not isinstance(extension, FieldRule | ReadExtension | Descriptive):
            raise UnplannableError(f"{selected.parent}.{selected.name} has {extension}")
    if isinstance(declared, StrawberryDjangoField):
        offered = (declared.get_filters(), declared.get_order(), declared.get_pagination())
        if any(each is not None and each is not UNSET for each in offered):
            raise UnplannableError(f"{selected.parent}.{selected.name} filters by itself")


def django_field(selected: SelectedField) -> StrawberryDjangoField:
    """Return the field as strawberry-django declares it, which `look_through` has seen to."""
    return cast("StrawberryDjangoField", selected.declared)


def model_field(selected: SelectedField) -> Any:
    """Return the model's field that the field shows. Raises `UnplannableError` if it is none."""
    declared = django_field(selected)
    model = cast("type[models.Model]", model_of(selected.parent))
    try:
        return model._meta.get_field(declared.django_name or declared.python_name)  # noqa: SLF001 - Django's public API
    except FieldDoesNotExist:
        raise UnplannableError(f"{selected.parent}.{selected.name}") from None


def is_text(field: Any) -> bool:
    """Return whether a model's field is read as the text that PostgreSQL has, and nothing else."""
    return isinstance(field, models.CharField | models.TextField) and not hasattr(
        field, "from_db_value"
    )


def is_string(selected: SelectedField) -> bool:
    """Return whether the field's values are texts."""
    return get_nullable_type(selected.type) is GraphQLString


def is_relay_id(selected: SelectedField) -> bool:
    """Return whether it is the `id` of a `relay.Node`."""
    origin = definition_of(selected.parent).origin
    return selected.name == "id" and issubclass(origin, relay.Node)


def definition_of(type_: GraphQLObjectType) -> Any:
    """Return Strawberry's definition of the type."""
    return type_.extensions[DEFINITION]


def model_of(type_: GraphQLObjectType) -> type[models.Model] | None:
    """Return the model that the type shows; None if it shows none."""
    definition = type_.extensions.get(DEFINITION)
    shown = get_django_definition(definition.origin) if definition else None
    return shown.model if shown else None


def possible_types(selected: SelectedField) -> Sequence[GraphQLObjectType]:
    """Return the types of the objects that the field may lead to."""
    type_ = selected.named_type
    if is_abstract_type(type_):
        return selected.plan.document.schema.get_possible_types(type_)
    return [cast("GraphQLObjectType", type_)]


def object_type(selected: SelectedField) -> GraphQLObjectType:
    """Return the type of the objects that the field leads to."""
    return cast("GraphQLObjectType", selected.named_type)
