"""Rate limit by points (GCRA), with a budget per client and minute.

An operation costs one point, plus one per hundred rows that its page sizes allow. The first point
is charged on arrival, before parsing. The others may overdraw the budget, so that every operation
can be executed; the client then waits longer.
"""

from collections.abc import Hashable
from math import ceil
from typing import Final

from django.conf import settings

from core.ratelimit.in_memory import MemoryBuckets
from core.security.actor import Actor
from core.web.client_ip import network_of
from schema.documents.document import Document

MINUTE: Final = 60.0
ROWS_PER_POINT: Final = 100
# Two megabytes.
CLIENTS: Final = MemoryBuckets(10_000)


def charge_request(actor: Actor) -> int:
    """Charge the point of every request; return the seconds to wait, or 0."""
    points = settings.GRAPHQL_POINTS_PER_MINUTE
    if not points:
        return 0
    return ceil(CLIENTS.fill(client_key(actor), interval=MINUTE / points, capacity=MINUTE))


def charge_document(actor: Actor, document: Document) -> None:
    """Charge the other points of a valid document, for its most expensive operation."""
    points = settings.GRAPHQL_POINTS_PER_MINUTE
    extra = document_points(document) - 1
    if points and extra:
        CLIENTS.overfill(client_key(actor), extra * MINUTE / points)


def document_points(document: Document) -> int:
    """Return the points of a valid document."""
    return 1 + document.rows // ROWS_PER_POINT


def client_key(actor: Actor) -> Hashable:
    """Return the budget's key: the API token, the user or the network."""
    key = actor.token_id or actor.impersonator_id or actor.user_id or actor.enrolling_id
    return key or (actor.ip and network_of(actor.ip))
