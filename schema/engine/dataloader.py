"""A DataLoader for synchronous execution.

The contract is the reference implementation's (github.com/graphql/dataloader): a batch
function from keys to values of the same length and order, each key loaded once a request,
errors per key. Without an event loop nobody can wait for "the next tick", so whoever knows a
whole level of keys announces them with `expect`, and the first `load` fetches them together.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class DataLoader(Generic[K, V]):
    """Loads values by key, in batches, at most once each."""

    def __init__(self, batch: Callable[[Sequence[K]], Sequence[V | Exception]]) -> None:
        """Load with ``batch``, which may answer single keys with exceptions."""
        self._batch = batch
        self._values: dict[K, V | Exception] = {}
        self._expected: dict[K, None] = {}

    def __contains__(self, key: K) -> bool:
        """Return whether the key needs no fetching."""
        return key in self._values

    def expect(self, keys: Iterable[K]) -> None:
        """Announce keys that may be loaded; nothing is fetched until one of them is."""
        self._expected.update(dict.fromkeys(keys))

    def load(self, key: K) -> V:
        """Return the key's value, fetching it with all expected keys if it is not here yet.

        Raises the exception that the batch function answered this key with.
        """
        return self.load_many([key])[0]

    def load_many(self, keys: Sequence[K]) -> list[V]:
        """Return the values of several keys, in their order."""
        if any(key not in self._values for key in keys):
            self._expected.update(dict.fromkeys(keys))
            self._dispatch()
        values = [self._values[key] for key in keys]
        for value in values:
            if isinstance(value, Exception):
                raise value
        return values

    def prime(self, key: K, value: V | Exception) -> None:
        """Provide a value that is known already; a key that has one keeps it."""
        self._values.setdefault(key, value)

    def clear(self, key: K) -> None:
        """Forget a key, so that its next load fetches it again."""
        self._values.pop(key, None)

    def _dispatch(self) -> None:
        keys = [key for key in self._expected if key not in self._values]
        self._expected.clear()
        values = self._batch(keys)
        if len(values) != len(keys):
            raise ValueError(
                f"The batch function answered {len(keys)} keys with {len(values)} values."
            )
        self._values.update(zip(keys, values, strict=True))
