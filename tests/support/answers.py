"""What the cache of answers does with requests."""

from collections.abc import Callable
from typing import Any

from schema.http.cached_answers import LOOKUPS
from tests.support.client import GraphQLClient


def count(result: str) -> int:
    """Return how many look-ups had the result."""
    return int(LOOKUPS.labels(result)._value.get())  # noqa: SLF001 - no public name


def results(ask: Callable[[], Any]) -> list[str]:
    """Return the results of the look-ups of a request."""
    names = ("first", "miss", "hit", "stale")
    before = {name: count(name) for name in names}
    ask()
    return [name for name in names for _time in range(count(name) - before[name])]


def warm(client: GraphQLClient, query: str, **variables: Any) -> Any:
    """Ask until the answer is cached; return it."""
    for _time in range(3):
        found = client(query, **variables).data
    return found
