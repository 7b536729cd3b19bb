"""Private names of graphql-core: collection of fields, and types at run time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLID,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableValues,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.execution import collect_fields as collection
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from graphql.execution.executor import Executor, invalid_return_type_error
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValueSource

from engine.internals.versions import require_version

VERSION: Final = "3.3"

require_version("graphql-core", VERSION, __name__)

__all__ = [
    "FieldDetails",
    "FragmentDetails",
    "collect_root_fields",
    "collect_subfields",
    "fragment_details",
    "invalid_type_error",
    "runtime_type",
    "text_values",
    "text_variables",
]


def fragment_details(
    fragments: Mapping[str, FragmentDefinitionNode],
) -> dict[str, FragmentDetails]:
    """Return the fragments of a document as the collection of fields takes them."""
    return {name: FragmentDetails(definition) for name, definition in fragments.items()}


def collect_root_fields(
    schema: GraphQLSchema,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
    root: GraphQLObjectType,
    operation: OperationDefinitionNode,
) -> Mapping[str, list[FieldDetails]]:
    """Return the root fields of an operation by response key, fragments merged."""
    collected = collection.collect_fields(schema, fragments, variables, root, operation)
    return collected.grouped_field_set


def collect_subfields(  # noqa: PLR0913, PLR0917 - as in graphql-core
    schema: GraphQLSchema,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
    operation: OperationDefinitionNode,
    type_: GraphQLObjectType,
    fields: list[FieldDetails],
) -> Mapping[str, list[FieldDetails]]:
    """Return the fields selected below some fields by response key, fragments merged."""
    collected = collection.collect_subfields(schema, fragments, variables, operation, type_, fields)
    return collected.grouped_field_set


def runtime_type(  # noqa: PLR0913, PLR0917 - as in graphql-core
    document: Any,
    name: Any,
    type_: Any,
    details: list[FieldDetails],
    info: GraphQLResolveInfo[Any],
    value: Any,
) -> GraphQLObjectType:
    """Return the object type of this name. Raises `GraphQLError` unless it is possible here.

    ``document`` stands for the executor, of which the method needs no more than the schema.
    """
    return Executor.ensure_valid_runtime_type(document, name, type_, details, info, value)


def invalid_type_error(
    type_: GraphQLObjectType, value: Any, details: list[FieldDetails]
) -> GraphQLError:
    """Return the error of a value that its type's `is_type_of` refuses."""
    return invalid_return_type_error(type_, value, details)


def text_variables(
    schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]
) -> Mapping[str, GraphQLVariableSignature] | None:
    """Return the signatures of variables, by name; None unless all are strings or ids."""
    found: dict[str, GraphQLVariableSignature] = {}
    for each in definitions:
        signature = get_variable_signature(schema, each)
        if isinstance(signature, GraphQLError) or not _is_text(signature.type):
            return None
        found[signature.name] = signature
    return found


def _is_text(type_: Any) -> bool:
    # Lists among them are not: graphql-core makes a list of a single value.
    return get_named_type(type_) in (GraphQLString, GraphQLID) and not is_list_type(
        get_nullable_type(type_)
    )


def text_values(
    signatures: Mapping[str, GraphQLVariableSignature], given: Mapping[str, Any]
) -> VariableValues | None:
    """Return the values as `get_variable_values` does; None unless each is given as a text."""
    values = {name: given.get(name) for name in signatures}
    if set(map(type, values.values())) != {str}:
        return None
    sources = {name: VariableValueSource(signatures[name], each) for name, each in values.items()}
    return VariableValues(sources, values)
