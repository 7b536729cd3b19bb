"""Look-ups of cached answers."""

from collections.abc import Callable
from typing import Any

from core.telemetry.counters import flush_counters
from schema.http.answers.cached import ANSWERS
from schema.http.answers.execution import LOOKUPS, Outcome
from tests.support.client import GraphQLClient


def count(outcome: str) -> int:
    """Return how many look-ups had the outcome."""
    flush_counters()
    return int(LOOKUPS.labels(outcome)._value.get())  # noqa: SLF001 - no public name


def outcomes(ask: Callable[[], Any]) -> list[str]:
    """Return the outcomes of the look-ups of a request."""
    before = {each: count(each) for each in Outcome}
    ask()
    return [each for each in Outcome for _time in range(count(each) - before[each])]


def warm(client: GraphQLClient, query: str, **variables: Any) -> Any:
    """Ask until the answer is cached; return it."""
    for _time in range(3):
        found = client(query, **variables).data
    return found


def grow_older(seconds: float) -> None:
    """Let cached answers be computed earlier."""
    entries = ANSWERS._values  # noqa: SLF001 - no public name
    for key, answer in list(entries.items()):
        ANSWERS.put(key, answer._replace(computed_at=answer.computed_at - seconds))
