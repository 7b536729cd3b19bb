"""Rate limit by points (GCRA), with a budget per client and minute.

All processes share it. An operation costs the points of `Cost`: the first one is charged on
arrival, before parsing; the others may overdraw the budget, so that every operation can be
executed, and the client then waits longer. Most requests are charged in memory: a process settles
with the others after a hundredth of a budget. See "Budgets are settled in batches" in
docs/decisions.md.
"""

import datetime as dt
import logging
from collections.abc import Hashable
from math import ceil
from typing import Any, Final, NamedTuple

from django.db import Error as DatabaseError

from core.cached_settings import settings
from core.ratelimit import limits
from core.ratelimit.buckets import storage_key
from core.ratelimit.in_memory import Level, MemoryBuckets
from core.security.actor import Actor
from core.web.client_ip import network_of

logger = logging.getLogger(__name__)

MINUTE: Final = 60.0
# Of the keys in the shared store.
NAME: Final = "graphql-points"


class Budget(NamedTuple):
    """A client's budget: of how many points, how many are left, and when all are."""

    limit: int
    remaining: int
    reset_at: dt.datetime


def share(client: Hashable, debt: float, size: float, capacity: float) -> Level:
    """Settle with the other processes; alone, if neither Redis nor PostgreSQL counts."""
    key = storage_key(NAME, str(client))
    sizes = [dt.timedelta(seconds=seconds) for seconds in (debt, size, capacity)]
    try:
        level, wait = limits.settle(key, debt=sizes[0], size=sizes[1], capacity=sizes[2])
    except DatabaseError:
        logger.warning("points are counted in this process only")
        return CLIENTS.alone(client)
    return Level(level.total_seconds(), wait.total_seconds())


# About three megabytes.
CLIENTS: Final = MemoryBuckets(10_000, share)


def charge_request(actor: Actor, charged: set[Hashable]) -> int:
    """Charge the point of every request; return the seconds to wait, or 0.

    ``charged`` is what the request was charged for, maybe by an execution that was discarded.
    """
    client = client_key(actor)
    points = settings.GRAPHQL_POINTS_PER_MINUTE
    if not points or client in charged:
        return 0
    seconds = ceil(CLIENTS.fill(client, interval=MINUTE / points, capacity=MINUTE))
    if not seconds:
        charged.add(client)
    return seconds


def charge_operation(actor: Actor, points: int, charged: set[Hashable]) -> None:
    """Charge the other points of a valid operation; ``charged`` as for `charge_request`."""
    limit = settings.GRAPHQL_POINTS_PER_MINUTE if points > 1 else 0
    if limit:
        client = client_key(actor)
        if (client, points) not in charged:
            CLIENTS.overfill(client, (points - 1) * MINUTE / limit, MINUTE)
            charged.add((client, points))


def read_budget(actor: Actor) -> Budget | None:
    """Return the client's budget, counting all processes; None if there is no limit."""
    limit = settings.GRAPHQL_POINTS_PER_MINUTE
    if not limit:
        return None
    empty_in = CLIENTS.level(client_key(actor), MINUTE)
    spent = ceil(empty_in * limit / MINUTE)
    reset_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ceil(empty_in))
    return Budget(limit, max(0, limit - spent), reset_at.replace(microsecond=0))


def report_cost(actor: Actor, points: int) -> dict[str, Any]:
    """Return `extensions.cost` of an operation."""
    budget = read_budget(actor)
    return {
        "requested": points,
        "limit": budget and budget.limit,
        "remaining": budget and budget.remaining,
        "resetAt": budget and budget.reset_at.isoformat(),
    }


def client_key(actor: Actor) -> Hashable:
    """Return the budget's key: the API token, the user or the network."""
    key = actor.token_id or actor.impersonator_id or actor.user_id or actor.enrolling_id
    return key or (actor.ip and network_of(actor.ip))
