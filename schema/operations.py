"""Execution of a request's operation: by the engine, or by graphql-core if need be."""

from functools import lru_cache
from typing import Any, Final

from graphql import GraphQLError, specified_rules
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from schema.context import Context
from schema.documents import MAX_DOCUMENTS, parsed, verdict
from schema.engine.executor import Operation
from schema.engine.plan import UnplannableError
from schema.root import schema

RULES: Final = tuple(specified_rules)


@lru_cache(MAX_DOCUMENTS)
def prepared(source: str, name: str | None) -> Operation:
    """Return the operation of a document, ready to be executed by the engine.

    Raises `UnplannableError` if it is none for the engine, and `GraphQLError` for bad syntax.
    """
    document = parsed(source)
    if verdict(schema._schema, document, RULES):  # noqa: SLF001 - it has no public name
        raise UnplannableError("This document is not valid.")
    return Operation.of(schema, document, name)


def execute(
    source: str,
    name: str | None,
    variables: dict[str, Any] | None,
    context: Context,
    *,
    read_only: bool,
) -> ExecutionResult:
    """Execute an operation; a mutation only if not ``read_only``.

    Whatever the engine does not plan, and what is not valid, is left to Strawberry's own way, whose
    errors these are.
    """
    try:
        operation = prepared(source, name)
        if not (read_only and operation.is_mutation):
            result = operation.execute(variables, context)
            return ExecutionResult(data=result.data, errors=result.errors)
    except (UnplannableError, GraphQLError):
        pass
    types = {OperationType.QUERY} if read_only else {OperationType.QUERY, OperationType.MUTATION}
    return schema.execute_sync(
        source,
        variable_values=variables,
        context_value=context,
        operation_name=name,
        allowed_operation_types=types,
    )
