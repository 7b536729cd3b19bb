"""What resolvers know of the request: who asks, and the request's loaders."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeAlias, TypeVar, cast

import strawberry
from django.db import models
from graphql import GraphQLError

from core.security.actor import Actor
from engine.fields.loaders import DataLoader
from engine.result.bounds import Bounds
from engine.sql.statements import Param
from engine.trace import Trace

if TYPE_CHECKING:
    from schema.http.documents import Document

V = TypeVar("V")
# What is each actor's own; the rest of an actor decides by which rules they see.
ACTOR_PARAMS: Final = ("user_id", "session_id", "token_id", "ip", "user_agent")


@dataclass(frozen=True, eq=False, slots=True)
class Batch(Generic[V]):
    """A value per row of a model that the ORM cannot join, computed for many rows at once.

    ``fields`` of a row are its key: the value of one, a tuple of several. ``compute`` gets the
    actor and the keys, and answers a value per key, in their order.
    """

    model: type[models.Model]
    fields: tuple[str, ...]
    compute: Callable[[Actor, Sequence[Any]], Sequence[V]]

    @property
    def name(self) -> str:
        """What it is called when people look."""
        return f"{self.model.__name__}: {self.compute.__name__.strip('_')}"

    def keys(self, rows: Iterable[models.Model]) -> Iterator[Hashable]:
        """Return the keys of the rows that were read with them; of others nothing is asked."""
        key_of = attrgetter(*self.fields)
        for row in rows:
            if row.get_deferred_fields().isdisjoint(self.fields):
                yield key_of(row)


@dataclass(slots=True)
class Context:
    """One request, and what its mutations want done to the cookies."""

    actor: Actor
    # What the browser is known by, and what it is to be known by from now on.
    device_token: str | None = None
    device_cookie: str | None = None
    session_cookie: str | None = None
    session_ended: bool = False
    # Errors after the commit of a mutation, reported beside its payload.
    faults: list[GraphQLError] = field(default_factory=list)
    # What is asked for, which is not cached if it was refused.
    document: "Document | None" = None
    # What is done to answer, for those who want to look; None in production.
    trace: Trace | None = None
    bounds: Bounds = field(default_factory=Bounds)
    # The response keys of the mutations that were executed.
    executed: list[str] = field(default_factory=list)
    _loaders: dict[Batch[Any], DataLoader[Any, Any]] = field(default_factory=dict)
    _batches: dict[Hashable, Batch[Any]] = field(default_factory=dict)
    # Who was read together with whom, by the row's identity.
    _companions: dict[int, list[models.Model]] = field(default_factory=dict)

    def load(self, batch: Batch[V], row: models.Model) -> V:
        """Return the batch's value for a row, computed together with those of its companions."""
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
        """Return the request's own batch of this name, made when it is first asked for."""
        if name not in self._batches:
            self._batches[name] = make()
        return self._batches[name]

    def expect(self, rows: Iterable[models.Model]) -> None:
        """Announce a level of rows, so that what is asked of one is loaded for all at once.

        What was joined and prefetched with them is announced along, each relation as a level.
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

    def visibility(self) -> Hashable:
        """Return by which rules the actor sees, and which facts about them there are."""
        actor = self.actor
        return (
            actor.is_staff,
            actor.is_superuser,
            actor.is_system,
            actor.scopes,
            *(bool(getattr(actor, name)) for name in ACTOR_PARAMS),
        )

    def with_params(self) -> Self:
        """Return a context of any actor who sees by the same rules."""
        slots = {name: Param.named(name) for name in ACTOR_PARAMS if getattr(self.actor, name)}
        # No rule about rows looks at these.
        unset = {"proof": None, "impersonator_id": None}
        return type(self)(actor=replace(self.actor, **cast("Any", unset | slots)))

    def values(self) -> Mapping[str, Any]:
        """Return the facts about the actor that statements are given."""
        return {name: getattr(self.actor, name) for name in ACTOR_PARAMS}

    def act_as(self, actor: Actor) -> None:
        """Go on in the name of somebody who just signed in, or of nobody."""
        self.actor = actor
        self.clear_loaders()

    def end_session(self, anonymous: Actor) -> None:
        """Go on as ``nobody``, and have the view clear the cookie."""
        self.act_as(anonymous)
        self.session_cookie = None
        self.session_ended = True

    def clear_loaders(self) -> None:
        """Forget what was loaded: a mutation may have changed it."""
        self._loaders.clear()
        self._batches.clear()
        self._companions.clear()


Info: TypeAlias = strawberry.Info[Context, None]
