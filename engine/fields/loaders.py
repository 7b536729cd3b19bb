"""A DataLoader for synchronous execution.

The contract is that of the reference implementation (github.com/graphql/dataloader, version 2):
the batch function returns a value or an error per key, in the order of the keys; each key is loaded
once per request; a batch that raises fails each of its keys.

Two things differ, because there is no event loop with a next tick:

- `expect` announces the keys of a level, and the first `load` fetches all of them. The engine does
  so, so that a level dispatches one batch.
- The error of a batch is cached like that of a key, until `clear`. The reference drops it after the
  tick; here loads follow one another, and each would dispatch again, up to the same timeout.

There are no options: the operation limits bound a batch, keys are hashable, and the cache is the
loader's own.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from django.db.models import Model

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Rejection:
    """The error of a key, with its first traceback: each `raise` would extend it."""

    error: Exception
    traceback: TracebackType | None

    @classmethod
    def of(cls, error: Exception) -> Self:
        return cls(error, error.__traceback__)


class DataLoader(Generic[K, V]):
    """Loads values by key, in batches, at most once each."""

    def __init__(self, batch: Callable[[Sequence[K]], Sequence[V | Exception]]) -> None:
        """Load with ``batch``, which may return exceptions for single keys."""
        self._batch = batch
        self._loaded: dict[K, V | _Rejection] = {}
        self._expected: dict[K, None] = {}

    def __contains__(self, key: K) -> bool:
        """Return whether the key is loaded."""
        return key in self._loaded

    def expect(self, keys: Iterable[K]) -> None:
        """Announce keys that may be loaded; nothing is fetched until one of them is."""
        self._expected.update(dict.fromkeys(keys))

    def load(self, key: K) -> V:
        """Return the key's value; fetch it with all expected keys if it is not loaded.

        Raises the exception that the batch function returned for this key, or raised, and
        `TypeError` for a key of None or a result that is not a sequence of one value per key.
        """
        self._fetch([key])
        loaded = self._loaded[key]
        if isinstance(loaded, _Rejection):
            raise loaded.error.with_traceback(loaded.traceback)
        return loaded

    def load_many(self, keys: Sequence[K]) -> list[V | Exception]:
        """Return the values of keys, in order; the error if there is none."""
        self._fetch(keys)
        loaded = [self._loaded[key] for key in keys]
        return [each.error if isinstance(each, _Rejection) else each for each in loaded]

    def prime(self, key: K, value: V | Exception) -> Self:
        """Set a key's value or error, unless it has one."""
        self._loaded.setdefault(key, _unwrap(value))
        return self

    def clear(self, key: K) -> Self:
        """Remove a key from the cache, so that its next load fetches it again."""
        self._loaded.pop(key, None)
        return self

    def clear_all(self) -> Self:
        """Remove all keys from the cache."""
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
        except Exception as error:  # noqa: BLE001 - any error is that of each key
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
    """A value per row that the ORM cannot join, computed for many rows.

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
