"""Execution of a request's operation: by the engine, or by graphql-core if need be."""

from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from graphql import GraphQLError, specified_rules
from prometheus_client import Counter
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from core.deadline import OperationCancelledError
from schema.budget import spend_more
from schema.context import Context
from schema.documents import MAX_DOCUMENTS, parsed, verdict
from schema.engine.executor import Operation
from schema.engine.plan import UnplannableError
from schema.root import schema
from schema.scopes import check_scopes
from schema.variables import described

RULES: Final = tuple(specified_rules)

OPERATIONS: Final = Counter(
    "graphql_operations", "Operations that were executed, by what executed them.", ["executor"]
)
BY_ENGINE: Final = OPERATIONS.labels("engine")
BY_GRAPHQL_CORE: Final = OPERATIONS.labels("graphql-core")


@lru_cache(MAX_DOCUMENTS)
def prepared(source: str, name: str | None) -> Operation:
    """Return the operation of a document, ready to be executed by the engine.

    Raises `UnplannableError` if it is none for the engine, and `GraphQLError` for bad syntax.
    """
    if problems(source):
        raise UnplannableError("This document is not valid.")
    return Operation.of(schema, parsed(source), name)


def for_engine(source: str, name: str | None) -> Operation:
    """Return the operation of a document as `prepared` does, unless the engine is turned off."""
    if not settings.GRAPHQL_ENGINE:
        raise UnplannableError("The engine is turned off.")
    return prepared(source, name)


def problems(source: str) -> list[GraphQLError]:
    """Return what is wrong with a document. Raises `GraphQLError` for bad syntax."""
    return verdict(schema._schema, parsed(source), RULES)  # noqa: SLF001 - it has no public name


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
    errors these are. Raises `InsufficientScopeError` before anything is done if it is asked by an
    API token that is not good for all of it, and `OperationCancelledError` for what takes more than
    the context's bounds allow.
    """
    try:
        check_scopes(source, name, context.actor)
        operation = for_engine(source, name)
        if not (read_only and operation.is_mutation):
            spend_more(context.actor, source)
            try:
                found = operation.execute(
                    variables, context, trace=context.trace, bounds=context.bounds
                )
            except OperationCancelledError:
                BY_ENGINE.inc()
                raise
            result = ExecutionResult(data=found.data, errors=found.errors)
            if was_executed(result):
                BY_ENGINE.inc()
            return _with_faults(result, context, variables)
    except (UnplannableError, GraphQLError) as error:
        if context.trace is not None:
            context.trace.refusal = str(error)
    types = {OperationType.QUERY} if read_only else {OperationType.QUERY, OperationType.MUTATION}
    try:
        result = schema.execute_sync(
            source,
            variable_values=variables,
            context_value=context,
            operation_name=name,
            allowed_operation_types=types,
        )
    except OperationCancelledError:
        BY_GRAPHQL_CORE.inc()
        raise
    if was_executed(result):
        BY_GRAPHQL_CORE.inc()
        context.bounds.count([result.data])
    return _with_faults(result, context, variables)


def _with_faults(
    result: ExecutionResult, context: Context, variables: dict[str, Any] | None
) -> ExecutionResult:
    """Return the result with what went wrong elsewhere than in its fields."""
    if not result.errors and not context.faults:
        return result
    errors = result.errors or []
    if not was_executed(result):
        errors = described(schema._schema, errors, variables or {})  # noqa: SLF001 - see above
    return ExecutionResult(data=result.data, errors=[*errors, *context.faults])


def was_executed(result: ExecutionResult) -> bool:
    """Return whether execution began: whether it was understood what is asked for."""
    return result.data is not None or any(error.path for error in result.errors or ())
