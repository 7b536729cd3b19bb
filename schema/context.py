"""What resolvers know of the request: who asks, and the request's loaders."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar

import strawberry
from django.db import models

from core.actor import Actor
from schema.engine.dataloader import DataLoader

V = TypeVar("V")


@dataclass(frozen=True, eq=False, slots=True)
class Batch(Generic[V]):
    """A value per row of a model that the ORM cannot join, computed for many rows at once.

    ``fields`` of a row are its key: the value of one, a tuple of several. ``compute`` gets the
    actor and the keys, and answers a value per key, in their order.
    """

    model: type[models.Model]
    fields: tuple[str, ...]
    compute: Callable[[Actor, Sequence[Any]], Sequence[V]]

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
    _loaders: dict[Batch[Any], DataLoader[Any, Any]] = field(default_factory=dict)
    _rows: defaultdict[type[models.Model], list[models.Model]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def load(self, batch: Batch[V], row: models.Model) -> V:
        """Return the batch's value for a row, computed together with those of its page."""
        loader = self._loaders.get(batch)
        if loader is None:
            loader = self._loaders[batch] = DataLoader(partial(batch.compute, self.actor))
            loader.expect(batch.keys(self._rows[batch.model]))
        value: V = loader.load(next(batch.keys([row])))
        return value

    def expect(self, model: type[models.Model], rows: Iterable[models.Model]) -> None:
        """Announce a page of rows, so that what is asked of each is loaded for all at once."""
        rows = list(rows)
        self._rows[model].extend(rows)
        for batch, loader in self._loaders.items():
            if batch.model is model:
                loader.expect(batch.keys(rows))

    def act_as(self, actor: Actor) -> None:
        """Go on in the name of somebody who just signed in, or of nobody."""
        self.actor = actor
        self.forget()

    def session_is_over(self, nobody: Actor) -> None:
        """Go on as ``nobody``, and have the view clear the cookie."""
        self.act_as(nobody)
        self.session_cookie = None
        self.session_ended = True

    def forget(self) -> None:
        """Forget what was loaded: a mutation may have changed it."""
        self._loaders.clear()
        self._rows.clear()


Info: TypeAlias = strawberry.Info[Context, None]
