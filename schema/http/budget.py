"""What a client may spend in a minute: points, by what its operations ask for.

An operation costs a point, and another one for each hundred rows that its page sizes allow. The
first point is due when a request arrives, before anything is parsed. The others may exceed what is
left, so that no operation is too expensive for ever; the client then waits the longer.
"""

from collections.abc import Hashable
from math import ceil
from typing import Final

from django.conf import settings

from core.ratelimit.in_memory import MemoryBuckets
from core.security.actor import Actor
from core.web.client_ip import network_of
from schema.errors import RATE_LIMITED, RequestErrorCode
from schema.http.bad_requests import BadRequestError
from schema.http.documents import Document

MINUTE: Final = 60.0
ROWS_PER_POINT: Final = 100
# Two megabytes.
CLIENTS: Final = MemoryBuckets(10_000)


class RateLimitedError(BadRequestError):
    """The client has spent its budget; ``retry_after`` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        """Answer with 429, and say how long to wait (RFC 6585, section 4)."""
        super().__init__(str(RATE_LIMITED), status=429, code=RequestErrorCode.RATE_LIMITED)
        self.retry_after = retry_after
        self.error.extensions = {"code": RequestErrorCode.RATE_LIMITED, "retryAfter": retry_after}


def charge_request(actor: Actor) -> None:
    """Spend the point that every request costs. Raises `RateLimitedError`."""
    points = settings.GRAPHQL_POINTS_PER_MINUTE
    if points:
        wait = CLIENTS.fill(client_key(actor), interval=MINUTE / points, capacity=MINUTE)
        if wait:
            raise RateLimitedError(ceil(wait))


def charge_document(actor: Actor, document: Document) -> None:
    """Spend the other points of a valid document, whichever of its operations is executed."""
    points = settings.GRAPHQL_POINTS_PER_MINUTE
    more = document_points(document) - 1
    if points and more:
        CLIENTS.overfill(client_key(actor), more * MINUTE / points)


def document_points(document: Document) -> int:
    """Return what a valid document costs."""
    return 1 + document.rows // ROWS_PER_POINT


def client_key(actor: Actor) -> Hashable:
    """Return whom a request is charged to: a token, a user, or else a network."""
    known = actor.token_id or actor.impersonator_id or actor.user_id or actor.enrolling_id
    return known or (actor.ip and network_of(actor.ip))
