"""Private names of graphql-core: collection of fields, and types at run time."""

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableValues,
)
from graphql.execution import collect_fields as collection
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from graphql.execution.executor import Executor, invalid_return_type_error

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
