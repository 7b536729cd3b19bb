"""Private names of Strawberry and strawberry-django: schemas, infos, declarations."""

from collections.abc import Mapping
from typing import Any, Final, cast

from django.db import models
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, is_input_object_type
from strawberry import Info, Schema, relay
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import get_object_definition
from strawberry.types.arguments import (
    _is_leaf_type,
    _is_optional_leaf_type,
    convert_arguments,
)
from strawberry.types.base import StrawberryMaybe
from strawberry.types.field import StrawberryField
from strawberry_django.optimizer import _annotate_placeholder
from strawberry_django.queryset import run_type_get_queryset
from strawberry_django.relay import resolve_model_id
from strawberry_django.resolvers import resolve_base_manager
from strawberry_django.type import type as django_type
from strawberry_django.utils.typing import get_django_definition

from engine.internals.versions import require_version

VERSION: Final = "0.341"
DJANGO_VERSION: Final = "0.93"

require_version("strawberry-graphql", VERSION, __name__)
require_version("strawberry-graphql-django", DJANGO_VERSION, __name__)

# The extension of graphql-core's types and fields that holds Strawberry's.
DEFINITION: Final = GraphQLCoreConverter.DEFINITION_BACKREF
# The label of an annotation that is named like its field.
ANNOTATION_OF_FIELD: Final = _annotate_placeholder

(_NODE_ID,) = (
    cast("Any", each.base_resolver.wrapped_func).__func__
    for each in get_object_definition(relay.Node, strict=True).fields
    if each.base_resolver
)


def core_schema(schema: Schema) -> GraphQLSchema:
    """Return graphql-core's schema."""
    return schema._schema


def is_one_of(type_: Any, _info: Any) -> bool | None:
    """Resolve `__Type.isOneOf`; Strawberry's own resolver fails for lists and non-null types."""
    if not is_input_object_type(type_):
        return None
    definition = type_.extensions.get(DEFINITION)
    return definition.is_one_of if definition else type_.is_one_of


def core_info(info: Info[Any, Any]) -> GraphQLResolveInfo[Any]:
    """Return graphql-core's info."""
    return info._raw_info


def make_info(info: GraphQLResolveInfo[Any], field: StrawberryField) -> Info[Any, Any]:
    """Return the info that a field's resolver takes."""
    return Info(_raw_info=info, _field=field)


def resolver_arguments(
    schema: Schema, field: StrawberryField, given: Mapping[str, Any], info: Info[Any, Any]
) -> dict[str, Any]:
    """Return coerced arguments as the field's resolver takes them."""
    return convert_arguments(
        dict(given),
        field.arguments,
        scalar_registry=schema.schema_converter.scalar_registry,
        config=schema.config,
        info=info,
    )


def unconverted_arguments(schema: Schema, field: StrawberryField) -> Mapping[str, str]:
    """Return the arguments that Strawberry does not convert: Python names by those in the SDL."""
    scalars = schema.schema_converter.scalar_registry
    return {
        argument_name(schema, each): each.python_name
        for each in field.arguments
        if not isinstance(each.type, StrawberryMaybe)
        and (
            _is_leaf_type(each.type, scalars, (relay.GlobalID,))
            or _is_optional_leaf_type(each.type, scalars, (relay.GlobalID,))
        )
    }


def argument_name(schema: Schema, argument: Any) -> str:
    """Return the name of an argument in the SDL."""
    return schema.config.name_converter.from_argument(argument)


def model_of(type_: GraphQLObjectType) -> type[models.Model] | None:
    """Return the model of an object type; None if it has none."""
    # A union's definition has no class.
    origin = getattr(type_.extensions.get(DEFINITION), "origin", None)
    definition = get_django_definition(origin) if origin else None
    return definition.model if definition else None


def type_hints(type_: GraphQLObjectType) -> Any:
    """Return what a Django type declares for the optimizer: `only=`, `annotate=` and so on."""
    origin = type_.extensions[DEFINITION].origin
    return get_django_definition(origin, strict=True).store


def visible_queryset(
    rows: models.QuerySet[Any], origin: Any, info: Info[Any, Any]
) -> models.QuerySet[Any]:
    """Return the rows that the type's `get_queryset` leaves."""
    return run_type_get_queryset(rows, origin, info)


def manager_queryset(manager: Any) -> models.QuerySet[Any]:
    """Return the queryset of a manager that a resolver returned."""
    return resolve_base_manager(manager)


def is_node_id(field: StrawberryField) -> bool:
    """Return whether the field's resolver is that of `relay.Node.id`."""
    resolver = field.base_resolver
    return resolver is not None and function_of(resolver.wrapped_func) is _NODE_ID


def has_own_node_id(origin: Any) -> bool:
    """Return whether the type of a node overrides `resolve_id` or `resolve_typename`."""
    return (
        origin.resolve_id.__func__ is not resolve_model_id
        or origin.resolve_typename.__func__ is not cast("Any", relay.Node).resolve_typename.__func__
    )


def has_own_type_check(type_: GraphQLObjectType) -> bool:
    """Return whether the type, or one it inherits from, has an `is_type_of` of its own."""
    definition = type_.extensions.get(DEFINITION)
    return definition is not None and any(
        function_of(vars(each)["is_type_of"]).__module__ != django_type.__module__
        for each in definition.origin.__mro__
        if "is_type_of" in vars(each)
    )


def function_of(method: Any) -> Any:
    """Return the function of a method or classmethod; a function is returned as it is."""
    return getattr(method, "__func__", method)
