"""Caching that cannot go stale and that the service can do without.

A value is filed under a key that carries the version of the facts it was computed from, and
that version is a column read from PostgreSQL in the same request. A write raises the version
in its own transaction; from its commit on, the old entry is simply never asked for again. No
invalidation message can be lost, whatever happens to Redis in between.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from django.core.cache import cache

DEFAULT_TTL = timedelta(hours=1)
# Tells a value that is None from bytes that could not be read.
VALUE: Final = "value"

K = TypeVar("K")
V = TypeVar("V")


def remember_many(
    namespace: str,
    versions: Mapping[K, Any],
    compute: Callable[[Sequence[K]], Mapping[K, V]],
    *,
    ttl: timedelta = DEFAULT_TTL,
) -> dict[K, V]:
    """Return a value per key of ``versions``, computing together those not in the cache.

    ``versions`` maps each key to the version of its facts. ``compute`` is called at most once,
    with the missing keys, and answers each of them with a value that JSON can hold. Without
    a cache server everything is computed, and so is what others have written there.
    """
    names = {key: f"{namespace}:{key}:{version}" for key, version in versions.items()}
    found = cache.get_many(names.values())
    values = {
        key: found[name][VALUE] for key, name in names.items() if _is_valid_entry(found.get(name))
    }
    missing = [key for key in versions if key not in values]
    if missing:
        computed = compute(missing)
        entries = {names[key]: {VALUE: computed[key]} for key in missing}
        cache.set_many(entries, ttl.total_seconds())
        values.update(computed)
    return values


def _is_valid_entry(entry: object) -> bool:
    return isinstance(entry, dict) and entry.keys() == {VALUE}
