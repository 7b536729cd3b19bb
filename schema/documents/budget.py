"""Rate limit by points (GCRA), with a budget per client and minute.

An operation costs one point, plus one per hundred rows that its page sizes allow. The first point
is charged on arrival, before parsing. The others may overdraw the budget, so that every operation
can be executed; the client then waits longer.
"""

from collections.abc import Hashable
from math import ceil
from typing import Final

from core.cached_settings import settings
from core.ratelimit.in_memory import MemoryBuckets
from core.security.actor import Actor
from core.web.client_ip import network_of
from schema.documents.document import Document

MINUTE: Final = 60.0
ROWS_PER_POINT: Final = 100
# Two megabytes.
CLIENTS: Final = MemoryBuckets(10_000)


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


def charge_document(actor: Actor, document: Document, charged: set[Hashable]) -> None:
    """Charge the other points of a valid document, for its most expensive operation.

    ``charged`` as for `charge_request`.
    """
    points = settings.GRAPHQL_POINTS_PER_MINUTE
    extra = document_points(document) - 1
    if points and extra:
        client = client_key(actor)
        if (client, document) not in charged:
            charge_points(client, extra)
            charged.add((client, document))


def charge_points(client: Hashable, points: int) -> None:
    """Charge points that may overdraw the client's budget."""
    per_minute = settings.GRAPHQL_POINTS_PER_MINUTE
    if per_minute and points:
        CLIENTS.overfill(client, points * MINUTE / per_minute)


def document_points(document: Document) -> int:
    """Return the points of a valid document."""
    return 1 + document.rows // ROWS_PER_POINT


def client_key(actor: Actor) -> Hashable:
    """Return the budget's key: the API token, the user or the network."""
    key = actor.token_id or actor.impersonator_id or actor.user_id or actor.enrolling_id
    return key or (actor.ip and network_of(actor.ip))
