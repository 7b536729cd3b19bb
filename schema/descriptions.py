"""SDL descriptions from docstrings, so that one text serves the code and the API.

`description=` describes what has no docstring: fields without a resolver, enum values, arguments
and computed texts.
"""

from inspect import isclass
from typing import Any

from graphql import GraphQLSchema, is_introspection_type
from strawberry.schema.schema_converter import GraphQLCoreConverter

from schema.scopes import access_to


def describe(schema: GraphQLSchema) -> None:
    """Describe types and fields by docstrings, and append the requirements of root fields."""
    for type_ in schema.type_map.values():
        if is_introspection_type(type_):
            continue
        type_.description = type_.description or docstring(_origin(type_))
        for field in getattr(type_, "fields", {}).values():
            field.description = field.description or docstring(_resolver(field))
    for root in filter(None, (schema.query_type, schema.mutation_type)):
        for field in root.fields.values():
            access = access_to(field)
            field.description = " ".join(filter(None, (field.description, str(access or ""))))


def docstring(source: Any) -> str | None:
    """Return a docstring as one paragraph; None if there is none."""
    text = None if source is None else source.__doc__
    # Dataclasses without a docstring get their signature.
    if not text or (isclass(source) and text.startswith(f"{source.__name__}(")):
        return None
    return " ".join(text.split())


def _origin(type_: Any) -> Any:
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    # For a generic type such as `Edge[User]`: the generic class.
    generic = getattr(definition, "concrete_of", None)
    return getattr(generic or definition, "origin", None)


def _resolver(field: Any) -> Any:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return getattr(getattr(definition, "base_resolver", None), "wrapped_func", None)
