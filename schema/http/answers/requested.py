"""A query as it was requested: what its answer depends on."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import orjson
from django.utils.translation import get_language
from graphql import GraphQLError
from strawberry.types import ExecutionResult

from engine.fields.dependencies import NotCacheableError
from engine.internals.django import thread_connection
from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from schema.context import Context
from schema.entities import EVERYTHING, SINGLETONS
from users.activity.versions import writes_of

# A multiple of three, so that its text in base64 has no padding.
KEY_BYTES: Final = 24


class RequestedOperation(NamedTuple):
    """An operation, as a request has it."""

    operation: CompiledOperation
    source: str
    name: str | None
    variables: dict[str, Any] | None
    context: Context

    @property
    def may_be_cached(self) -> bool:
        """Whether its answer may come from a cache, if what it depends on is known.

        Not in a transaction, which changes a version only once.
        """
        context = self.context
        is_possible = (
            self.operation.is_cacheable is not False
            or context.caching.max_age > 0
            # It shows the reason.
            or context.trace is not None
        )
        return (
            is_possible
            and not self.operation.is_mutation
            and context.actor.user_id is not None
            and not thread_connection().in_atomic_block
        )

    def execute(self) -> ExecutionResult:
        """Execute it by the engine. Raises as `CompiledOperation.execute` does."""
        context = self.context
        found = self.operation.execute(
            self.variables, context, trace=context.trace, bounds=context.bounds
        )
        return ExecutionResult(data=found.data, errors=found.errors)

    def key(self) -> bytes | None:
        """Return a digest of all that the answer depends on besides rows.

        It is the same in each process. None for variables that are no JSON of orjson's, such as
        numbers beyond 64 bits.
        """
        actor = self.context.actor
        # What resolvers may read of the actor, and visibility with sets in a fixed order.
        ids = (actor.user_id, actor.session_id, actor.token_id)
        visibility = [
            sorted(each) if isinstance(each, frozenset) else each
            for each in self.context.visibility()
        ]
        parts = (self.source, self.name, self.variables, get_language(), ids, visibility)
        try:
            text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            return None
        return blake2b(text, digest_size=KEY_BYTES).digest()

    def entities(self) -> frozenset[UUID] | None:
        """Return the keys of what the answer depends on; None if that is not known."""
        context = self.context
        if self.operation.is_cacheable is False and context.trace is None:
            return None
        try:
            found = self.operation.dependencies(self.variables, context, SINGLETONS)
        except (GraphQLError, NotCacheableError, NotPlannableError) as error:
            context.caching.reason = str(error)
            return None
        return self._with_requester(found)

    def written_entities(self) -> frozenset[UUID]:
        """Return the keys of the requester, and of what the requester has written."""
        actor = self.context.actor
        writer = actor.impersonator_id or cast("UUID", actor.user_id)
        return self._with_requester([writes_of(writer)])

    def _with_requester(self, keys: Iterable[UUID]) -> frozenset[UUID]:
        """Add the requester, on whom visibility depends."""
        return frozenset({*keys, cast("UUID", self.context.actor.user_id), EVERYTHING})
