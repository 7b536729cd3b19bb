"""Introspection of the schema, without an executor.

An executor takes 10 µs of CPU per value, in which an anonymous client would keep a process busy.
The elements of a schema never fail, are never null where they must not be, and resolve without
context. So a selection is prepared once per type, and read once per element.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final, TypeAlias, cast

from graphql import (
    GraphQLObjectType,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    VariableValues,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from engine.internals.graphql_core import (
    FieldDetails,
    collect_root_fields,
    collect_subfields,
    fragment_details,
)
from engine.internals.strawberry import is_one_of
from engine.plan.selection import TYPENAME, OperationDocument

# Strawberry's resolvers are those of the schema that was made last in the process.
RESOLVERS: Final = {"isOneOf": is_one_of}
META_FIELDS: Final = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}

# Reads a value of an element.
Read: TypeAlias = Callable[[Any], Any]


class SchemaReader:
    """Reads the introspection that an operation selects."""

    def __init__(self, document: OperationDocument, variables: VariableValues) -> None:
        """Take an operation of a valid document whose root fields are all introspection."""
        self._document = document
        self._fragments = fragment_details(document.fragments)
        self._variables = variables
        self._info = SimpleNamespace(schema=document.schema)

    def data(self) -> dict[str, Any]:
        """Return the data of the response, in which equal objects may be one.

        Raises `GraphQLError` for an argument that is not valid.
        """
        schema, operation = self._document.schema, self._document.operation
        root = cast("GraphQLObjectType", schema.query_type)
        groups = collect_root_fields(schema, self._fragments, self._variables, root, operation)
        return self._reader(root, groups)(schema)

    def _reader(self, type_: GraphQLObjectType, groups: Mapping[str, list[FieldDetails]]) -> Read:
        """Return what reads the selected fields of an element of the type, once each."""
        fields = [(key, self._field(type_, details)) for key, details in groups.items()]
        known: dict[int, tuple[Any, dict[str, Any]]] = {}

        def read(element: Any) -> dict[str, Any]:
            found = known.get(id(element))
            if found is None:
                # The element is kept, so that no other has its `id()`.
                found = element, {key: read_field(element) for key, read_field in fields}
                known[id(element)] = found
            return found[1]

        return read

    def _field(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Read:
        node = details[0].node
        name = node.name.value
        if name == TYPENAME:
            return lambda _element: type_.name
        field = META_FIELDS.get(name) or type_.fields[name]
        # graphql-core defines a resolver for each.
        resolve = RESOLVERS.get(name) or cast("Callable[..., Any]", field.resolve)
        info = self._info
        arguments = get_argument_values(field, node, self._variables)
        named: Any = get_named_type(field.type)
        read_item: Read = named.serialize if is_leaf_type(named) else self._objects(named, details)
        is_list = is_list_type(get_nullable_type(field.type))

        def read(element: Any) -> Any:
            value: Any = resolve(element, info, **arguments)
            if value is None:
                return None
            return [read_item(each) for each in value] if is_list else read_item(value)

        return read

    def _objects(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Read:
        """Return what reads the objects of a field."""
        document = self._document
        groups = collect_subfields(
            document.schema, self._fragments, self._variables, document.operation, type_, details
        )
        return self._reader(type_, groups)
