"""A versioned, optional cache whose entries cannot go stale.

The cache key includes the version of the data that the value was computed from. The version is a
column, read from PostgreSQL in the same request. A write raises it in its own transaction, so no
request looks up the old entry after the commit. There is no invalidation message to lose.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from django.core.cache import cache

DEFAULT_TTL = timedelta(hours=1)
# Distinguishes a cached None from bytes that could not be decoded.
VALUE: Final = "value"

K = TypeVar("K")
V = TypeVar("V")


def get_or_compute_many(
    namespace: str,
    versions: Mapping[K, Any],
    compute: Callable[[Sequence[K]], Mapping[K, V]],
    *,
    ttl: timedelta = DEFAULT_TTL,
) -> dict[K, V]:
    """Return a value for each key of ``versions``; compute the missing ones in one call.

    ``versions`` maps each key to the version of its data. ``compute`` is called at most once, with
    the missing keys, and returns a JSON-serialisable value for each. A cache that is unreachable
    counts as empty, and an entry of unexpected form as missing.
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
