"""Execution of queries by replicas that show what the requester has written.

See "Replicas prove that they are fresh" in docs/decisions.md.
"""

from strawberry.types import ExecutionResult

from core.database.replicas.pool import REPLICAS
from core.versions.lookup import read_version, version_values
from engine.internals.django import thread_connection
from schema.context import Context
from schema.errors import is_timeout
from schema.http.answers.requested import RequestedOperation


def execute_by_replica(requested: RequestedOperation) -> ExecutionResult | None:
    """Return the result of a query; None if the primary has to execute it.

    The request has a confirmation. After a mutation it has none, for the rest of a batch as well.
    """
    context = requested.context
    if requested.operation.is_mutation:
        context.confirmation = None
    confirmation, user_id = context.confirmation, context.actor.user_id
    # A trace shows the primary's statements.
    if confirmation is None or user_id is None or context.trace is not None:
        return None
    if thread_connection().in_atomic_block:
        return None
    replica = REPLICAS.choose(user_id)
    if replica is None:
        return None
    caching = context.caching
    needed = confirmation._replace(
        values={**confirmation.values, **version_values(caching.entities)},
        row=(*confirmation.row[:-1], caching.version),
    )

    def execute() -> ExecutionResult:
        result = requested.execute()
        if caching.entities:
            caching.is_version_same = read_version(caching.entities) == caching.version
        return result

    before = context.bounds.mark()
    result = replica.execute(needed, execute, _has_timed_out)
    if result is None:
        _reset(context, before)
    return result


def _has_timed_out(result: ExecutionResult) -> bool:
    """Return whether a statement took too long, as it would on the primary."""
    return any(is_timeout(error.original_error) for error in result.errors or ())


def _reset(context: Context, bounds: tuple[int, int, int]) -> None:
    """Undo what an execution has left in the context."""
    context.clear_loaders()
    context.bounds.restore(bounds)
    context.caching.is_version_same = None
