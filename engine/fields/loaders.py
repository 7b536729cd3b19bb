"""A DataLoader for synchronous execution.

The contract is the reference implementation's (github.com/graphql/dataloader, version 2): a batch
function from keys to values of the same length and order, each key in a batch but once and loaded
once a request, errors per key, and a batch that fails as a whole failing each of its keys.

Two things are different, because without an event loop nobody can wait for "the next tick":

- Whoever knows a whole level of keys announces them with `expect`, and the first `load` fetches
  them together. The engine does, so that a batch is dispatched once a level.
- A batch's failure is remembered like a key's own error, until `clear`. The reference forgets it
  once all loads of the tick were told; here they come one after the other, and each would dispatch
  again, to wait for the same timeout.

Of the reference's options there are none: a batch is as large as its level, which the operation
limits bound, keys are hashable, and the cache is the loader's own.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from django.db.models import Model

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Rejection:
    """Why a key has no value, and where that was noticed, which each `raise` would add to."""

    error: Exception
    traceback: TracebackType | None

    @classmethod
    def of(cls, error: Exception) -> Self:
        return cls(error, error.__traceback__)


class DataLoader(Generic[K, V]):
    """Loads values by key, in batches, at most once each."""

    def __init__(self, batch: Callable[[Sequence[K]], Sequence[V | Exception]]) -> None:
        """Load with ``batch``, which may answer single keys with exceptions."""
        self._batch = batch
        self._loaded: dict[K, V | _Rejection] = {}
        self._expected: dict[K, None] = {}

    def __contains__(self, key: K) -> bool:
        """Return whether the key needs no fetching."""
        return key in self._loaded

    def expect(self, keys: Iterable[K]) -> None:
        """Announce keys that may be loaded; nothing is fetched until one of them is."""
        self._expected.update(dict.fromkeys(keys))

    def load(self, key: K) -> V:
        """Return the key's value, fetching it with all expected keys if it is not here yet.

        Raises the exception that the batch function answered this key with, or raised, and
        `TypeError` for a key of None or an answer that is no sequence of as many values as keys.
        """
        self._fetch([key])
        loaded = self._loaded[key]
        if isinstance(loaded, _Rejection):
            raise loaded.error.with_traceback(loaded.traceback)
        return loaded

    def load_many(self, keys: Sequence[K]) -> list[V | Exception]:
        """Return the values of several keys, in their order; for a key without one, its error."""
        self._fetch(keys)
        loaded = [self._loaded[key] for key in keys]
        return [each.error if isinstance(each, _Rejection) else each for each in loaded]

    def prime(self, key: K, value: V | Exception) -> Self:
        """Provide a value or an error that is known already; a key that has one keeps it."""
        self._loaded.setdefault(key, _unwrap(value))
        return self

    def clear(self, key: K) -> Self:
        """Forget a key, so that its next load fetches it again."""
        self._loaded.pop(key, None)
        return self

    def clear_all(self) -> Self:
        """Forget all keys."""
        self._loaded.clear()
        return self

    def _fetch(self, keys: Sequence[K]) -> None:
        if None in keys:
            raise TypeError("A key must be a value, not None.")
        if any(key not in self._loaded for key in keys):
            self._expected.update(dict.fromkeys(keys))
            wanted = [key for key in self._expected if key not in self._loaded]
            self._expected.clear()
            self._dispatch(wanted)

    def _dispatch(self, keys: list[K]) -> None:
        try:
            values = _check_values(self._batch(keys), len(keys))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is each key's error
            self._loaded.update(dict.fromkeys(keys, _Rejection.of(error)))
        else:
            self._loaded.update(zip(keys, [_unwrap(each) for each in values], strict=True))


def _unwrap(value: V | Exception) -> V | _Rejection:
    return _Rejection.of(value) if isinstance(value, Exception) else value


def _check_values(values: Sequence[V], count: int) -> Sequence[V]:
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise TypeError(f"The batch function answered with {type(values).__name__}, no sequence.")
    if len(values) != count:
        raise TypeError(f"The batch function answered {count} keys with {len(values)} values.")
    return values


@dataclass(frozen=True, eq=False, slots=True)
class Batch(Generic[V]):
    """A value per row of a model that the ORM cannot join, computed for many rows at once.

    ``fields`` are the key of a row: the value of one field, or a tuple of several. ``compute``
    gets the requester, as the context knows it, and keys; it returns a value per key, in order.
    """

    model: type[Model]
    fields: tuple[str, ...]
    compute: Callable[[Any, Sequence[Any]], Sequence[V]]

    @property
    def name(self) -> str:
        """The batch's name in traces."""
        return f"{self.model.__name__}: {self.compute.__name__.strip('_')}"

    def keys(self, rows: Iterable[Model]) -> Iterator[Hashable]:
        """Return the keys of the rows whose key was read; of others nothing is loaded."""
        key_of = attrgetter(*self.fields)
        for row in rows:
            if row.get_deferred_fields().isdisjoint(self.fields):
                yield key_of(row)


class LoadingContext(Protocol):
    """What nested connections ask of a context when graphql-core executes."""

    def expect(self, rows: Iterable[Model]) -> None:
        """Take notice of a level of objects."""

    def batch(self, name: Hashable, make: Callable[[], Batch[Any]]) -> Batch[Any]:
        """Return the request's batch of this name, made when it is first asked for."""

    def load(self, batch: Batch[Any], row: Model) -> Any:
        """Return the batch's value for a row, computed with those of its level."""
