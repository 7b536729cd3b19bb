"""Execution of operations: by the engine, or by graphql-core."""

from functools import partial
from typing import Any, Final

from graphql import GraphQLError
from prometheus_client import Counter
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from core.cached_settings import settings
from core.security.actor import ANONYMOUS, Actor
from core.telemetry.counters import PendingCounter
from engine.deadline import OperationCancelledError
from engine.internals.strawberry import core_schema
from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from engine.sql.leading import run_leading
from schema.context import Context
from schema.documents.budget import charge_operation
from schema.documents.cost import CostExceededError
from schema.documents.document import DOCUMENTS, Document
from schema.http.answers.execution import execute_cached
from schema.http.answers.requested import RequestedOperation
from schema.http.by_replica import execute_by_replica
from schema.http.introspection import is_introspection, may_introspect, run_introspection
from schema.http.operation_names import shown_name
from schema.http.variables import describe
from schema.root import schema
from schema.scopes import RootFields

ROOT_FIELDS: Final = RootFields(core_schema(schema))
OPERATIONS: Final = PendingCounter(
    "graphql_operations", "Executed operations, by executor.", ["executor"]
)
BY_ENGINE: Final = OPERATIONS.labels("engine")
BY_GRAPHQL_CORE: Final = OPERATIONS.labels("graphql-core")
STATEMENTS: Final = PendingCounter(
    "graphql_engine_statements",
    "Statements of the engine, by whether their SQL was cached or compiled.",
    ["sql"],
)
CACHED: Final = STATEMENTS.labels("cached")
COMPILED: Final = STATEMENTS.labels("compiled")
RECOMPILATIONS: Final = Counter(
    "graphql_engine_recompilations",
    "Statements of the engine compiled for one request, by reason.",
    ["reason"],
)


def count_statement(reason: str | None) -> None:
    """Count a statement of the engine; ``reason`` says why it was not cached."""
    if reason is None:
        CACHED.increment()
    else:
        COMPILED.increment()
        RECOMPILATIONS.labels(reason).inc()


def prepare(document: Document, name: str | None) -> CompiledOperation:
    """Return the compiled operation of a document, cached with the document.

    Raises `NotPlannableError` if the engine cannot execute it.
    """
    found = document.operations.get(name)
    if found is None:
        if problems(document):
            raise NotPlannableError("This document is not valid.")
        found = CompiledOperation.of(schema, document.syntax, name, document.size, count_statement)
        document.operations[name] = found
    return found


def problems(document: Document) -> list[GraphQLError]:
    """Return the validation errors of a document."""
    return document.errors(core_schema(schema))


def execute(
    source: str,
    name: str | None,
    variables: dict[str, Any] | None,
    context: Context,
    *,
    read_only: bool,
) -> ExecutionResult:
    """Execute an operation; a mutation only if not ``read_only``.

    Invalid operations, and those that the engine does not plan, are executed by Strawberry, which
    formats their errors. Raises `InsufficientScopeError` before execution if an API token lacks a
    scope of any root field, `CostExceededError` if its variables ask for too much, and
    `OperationCancelledError` if the context's bounds are exceeded.
    """
    document = None
    try:
        document = context.document = _document(source, name, context.actor)
        context.operation = shown_name(document, name)
        if not context.actor.is_interactive:
            ROOT_FIELDS.check_scopes(document.root_fields(name), context.actor)
        _charge(document, name, variables, context)
        operation = _for_engine(document, name, context.actor)
        if not (read_only and operation.is_mutation):
            requested = RequestedOperation(operation, source, name, variables, context)
            try:
                result = execute_cached(requested, partial(_by_engine, requested))
            except OperationCancelledError:
                _count(BY_ENGINE)
                raise
            return _with_faults(result, context, variables)
    except CostExceededError:
        raise
    except (NotPlannableError, GraphQLError) as error:
        if context.trace is not None:
            context.trace.refusal = str(error)

    def by_graphql_core() -> ExecutionResult:
        run_leading()
        context.confirmation = None
        types = (
            {OperationType.QUERY} if read_only else {OperationType.QUERY, OperationType.MUTATION}
        )
        return schema.execute_sync(
            source,
            variable_values=variables,
            context_value=context,
            operation_name=name,
            allowed_operation_types=types,
        )

    try:
        result = run_introspection(document, name, context.actor, by_graphql_core, variables)
    except OperationCancelledError:
        BY_GRAPHQL_CORE.increment()
        raise
    if was_executed(result):
        BY_GRAPHQL_CORE.increment()
        context.bounds.count([result.data])
    return _with_faults(result, context, variables)


def _charge(
    document: Document, name: str | None, variables: dict[str, Any] | None, context: Context
) -> None:
    """Charge the points of a valid operation. Raises `CostExceededError`."""
    formula = document.cost(name)
    if formula is None and not problems(document):
        formula = document.cost(name)
    if formula is None:
        return
    cost = formula.evaluate(variables)
    context.points = cost.points
    cost.check()
    if context.is_charged:
        charge_operation(context.actor, cost.points, context.charged)


def needs_no_token(source: str, name: str | None) -> bool:
    """Return whether all that a document selects is open to anonymous clients."""
    try:
        fields = _document(source, name, ANONYMOUS).root_fields(name)
    except GraphQLError:
        return False
    if is_introspection(fields) and not may_introspect(ANONYMOUS):
        return False
    return bool(fields) and all(
        field.startswith("__") or ROOT_FIELDS.needs_no_token(field) for field in fields
    )


def _by_engine(requested: RequestedOperation) -> ExecutionResult:
    result = None
    if requested.context.confirmation is not None:
        result = execute_by_replica(requested)
    if result is None:
        result = requested.execute()
    if was_executed(result):
        _count(BY_ENGINE)
    return result


def _count(executor: PendingCounter) -> None:
    """Count an operation, once its execution cannot be discarded."""
    run_leading()
    executor.increment()


def _with_faults(
    result: ExecutionResult, context: Context, variables: dict[str, Any] | None
) -> ExecutionResult:
    """Add the errors after a commit, and describe those of variables."""
    if not result.errors and not context.faults:
        return result
    errors = result.errors or []
    if not was_executed(result):
        errors = describe(core_schema(schema), errors, variables or {})
    return ExecutionResult(data=result.data, errors=[*errors, *context.faults])


def _document(source: str, name: str | None, actor: Actor) -> Document:
    """Return the document of a text; cache it if the actor may execute it.

    Raises `GraphQLError` as `Document` does.
    """
    found = DOCUMENTS.get(source)
    if found is None:
        run_leading()
        found = Document(source)
        if ROOT_FIELDS.may_return_data(found.root_fields(name), actor):
            DOCUMENTS.put(source, found)
    return found


def _for_engine(document: Document, name: str | None, actor: Actor) -> CompiledOperation:
    """Return the compiled operation; raise `NotPlannableError` if graphql-core executes it."""
    if not settings.GRAPHQL_ENGINE:
        raise NotPlannableError("The engine is turned off.")
    found = document.operations.get(name)
    if found is None or found.is_mutation:
        run_leading()
    if found is not None:
        return found
    fields = document.root_fields(name)
    if not ROOT_FIELDS.may_return_data(fields, actor):
        raise NotPlannableError("Anonymous clients get no data of this operation.")
    if is_introspection(fields):
        raise NotPlannableError("This is introspection.")
    return prepare(document, name)


def was_executed(result: ExecutionResult) -> bool:
    """Return whether execution began, so that the response has `data`."""
    return result.data is not None or any(error.path for error in result.errors or ())
