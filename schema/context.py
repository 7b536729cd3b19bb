"""The GraphQL context: the request's actor, loaders and cookies."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from typing import Any, Final, Self, TypeAlias, TypeVar, cast

import strawberry
from django.db import models
from graphql import GraphQLError

from core.database.replicas.replica import Confirmation
from core.security.actor import Actor
from core.telemetry.requests import OTHER
from core.web.caching import Caching
from engine.fields.loaders import Batch, DataLoader
from engine.result.bounds import Bounds
from engine.sql.statements import Param
from engine.trace import Trace
from schema.documents.document import Document

V = TypeVar("V")
# Attributes that become bind parameters; the others select the visibility rules.
ACTOR_PARAMS: Final = ("user_id", "session_id", "token_id", "ip", "user_agent")
_read_params: Final = attrgetter(*ACTOR_PARAMS)


@dataclass(slots=True)
class Context:
    """The state of one request, including the cookies that its mutations set."""

    actor: Actor
    # The device token of the request, and the one to set as a cookie.
    device_token: str | None = None
    device_cookie: str | None = None
    session_cookie: str | None = None
    session_ended: bool = False
    # Errors after the commit of a mutation, to report beside its payload.
    faults: list[GraphQLError] = field(default_factory=list)
    # The parsed document, kept here because rejected documents are not cached.
    document: Document | None = None
    caching: Caching = field(default_factory=Caching)
    # What a replica must show to execute the query; None if only the primary may.
    confirmation: Confirmation | None = None
    # Records plans and statements for `extensions.debug`; None in production.
    trace: Trace | None = None
    bounds: Bounds = field(default_factory=Bounds)
    # What the request was charged for, maybe by an execution that was discarded.
    charged: set[Hashable] = field(default_factory=set)
    # False for what no client requests: the payloads of webhooks.
    is_charged: bool = True
    # What a valid operation costs, and whether the response states it.
    points: int = 1
    reports_cost: bool = False
    # How metrics and logs name the operation, and the codes of its payloads' errors.
    operation: str = OTHER
    codes: tuple[str, ...] = ()
    # Response keys of the executed mutations.
    executed: list[str] = field(default_factory=list)
    _loaders: dict[Batch[Any], DataLoader[Any, Any]] = field(default_factory=dict)
    _batches: dict[Hashable, Batch[Any]] = field(default_factory=dict)
    # Rows of the same level by `id()`: loading a value for one loads it for all (N+1).
    _companions: dict[int, list[models.Model]] = field(default_factory=dict)

    def load(self, batch: Batch[V], row: models.Model) -> V:
        """Return the batch's value for a row, loading its companions in the same batch."""
        loader = self._loaders.get(batch)
        if loader is None:
            compute: Callable[[Sequence[Any]], Sequence[V]] = partial(batch.compute, self.actor)
            if self.trace is not None:
                compute = self.trace.time_batches(batch.name, compute)
            loader = self._loaders[batch] = DataLoader(compute)
        (key,) = batch.keys([row])
        if key not in loader:
            loader.expect(batch.keys(self._companions.get(id(row), ())))
        value: V = loader.load(key)
        return value

    def batch(self, name: Hashable, make: Callable[[], Batch[V]]) -> Batch[V]:
        """Return the request's batch of this name, created on first use."""
        if name not in self._batches:
            self._batches[name] = make()
        return self._batches[name]

    def expect(self, rows: Iterable[models.Model]) -> None:
        """Register a level of rows, whose values are loaded together (N+1).

        Joined and prefetched rows are registered as well, each relation as a level.
        """
        pending = [list(rows)]
        while pending:
            level = [row for row in pending.pop() if id(row) not in self._companions]
            self._companions.update((id(row), level) for row in level)
            related: defaultdict[str, list[models.Model]] = defaultdict(list)
            for row in level:
                for name, related_row in row._state.fields_cache.items():  # noqa: SLF001 - no public name
                    related[name] += [related_row] if related_row else []
                for name, many in getattr(row, "_prefetched_objects_cache", {}).items():
                    related[name] += many
            pending += filter(None, related.values())

    def visibility(self) -> tuple[Any, ...]:
        """Return the cache key of the actor's visibility and set params."""
        actor = self.actor
        return (
            actor.is_staff,
            actor.is_superuser,
            actor.is_system,
            actor.scopes,
            *map(bool, _read_params(actor)),
        )

    def with_params(self) -> Self:
        """Return a context with placeholders for the actor's params, to compile shared plans."""
        params = {name: Param.named(name) for name in ACTOR_PARAMS if getattr(self.actor, name)}
        # No visibility rule depends on these.
        unset = {"authentication": None, "impersonator_id": None}
        return type(self)(actor=replace(self.actor, **cast("Any", unset | params)))

    def values(self) -> Mapping[str, Any]:
        """Return the values of the actor's bind parameters."""
        return dict(zip(ACTOR_PARAMS, _read_params(self.actor), strict=True))

    def act_as(self, actor: Actor) -> None:
        """Replace the actor for the rest of the request, after signing in or out."""
        self.actor = actor
        self.clear_loaders()

    def end_session(self, anonymous: Actor) -> None:
        """Continue as the anonymous actor, and clear the session cookie."""
        self.act_as(anonymous)
        self.session_cookie = None
        self.session_ended = True

    def clear_loaders(self) -> None:
        """Discard loaded values, which a mutation may have changed."""
        self._loaders.clear()
        self._batches.clear()
        self._companions.clear()


Info: TypeAlias = strawberry.Info[Context, None]
