"""Requests that repeat an earlier one, byte by byte, whose answer was cached.

All that follows from a request is known from an equal one: whether it is allowed, which answer it
gets, what that depends on, and the headers of the response. What remains is one statement, which
authenticates the request and reads the version, and the charge of the rate limit.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter
from time import monotonic
from typing import Any, Final, Self, cast

import orjson
from django.http import HttpRequest

from core.cached_settings import settings
from core.request_id import ENVIRON as REQUEST_ID
from core.security.actor import Actor
from core.versions.lookup import version_values
from core.web.caching import Hit
from core.web.request import ActorRequest, Reply
from engine.caches import SizedCache
from engine.internals.django import thread_connection
from schema.documents.budget import charge_operation, charge_request
from schema.http.answers.cached import ANSWERS, ENTITY_BYTES, MEMORY, REQUESTS_SHARE
from schema.http.answers.execution import Outcome, count_outcome
from users.authentication.sessions.middleware import cached_credential, timeouts_as_responses

# A longer body is not looked up.
MAX_BODY: Final = 16_384
# They differ between requests that are equal otherwise, and no answer depends on them: those of the
# server, and what proxies add to follow a request.
IGNORED: Final = dict.fromkeys(
    (
        "wsgi.errors",
        "wsgi.input",
        "REMOTE_PORT",
        "HTTP_CF_RAY",
        "HTTP_TRACEPARENT",
        "HTTP_TRACESTATE",
        "HTTP_X_AMZN_TRACE_ID",
        "HTTP_X_CLOUD_TRACE_CONTEXT",
        "HTTP_X_REQUEST_ID",
        REQUEST_ID,
    ),
    "",
)
# They differ between answers.
ANSWERS_OWN: Final = frozenset({"Age", "Content-Length"})
# What a request was once allowed by rules that no version covers, such as the trusted documents,
# is decided again after so many seconds.
RECHECK_SECONDS: Final = 30.0
# Estimated bytes of an entry with its key and headers.
ENTRY_BYTES: Final = 2_000


@dataclass(frozen=True, slots=True)
class RepeatedRequest:
    """How a request is answered while its credential and the answer's version are the same."""

    digest: bytes
    actor: Actor
    hit: Hit
    # The value of the statement that reads the version.
    entities: Mapping[str, Any]
    status: int
    headers: Mapping[str, str]
    operation: str | None
    # The monotonic time at which it ends.
    ends_at: float

    @classmethod
    def of(cls, text: bytes, request: HttpRequest, hit: Hit, reply: Reply) -> Self:
        """Return how a request with this text is answered again, whose answer was cached."""
        headers = {name: text for name, text in reply.headers.items() if name not in ANSWERS_OWN}
        return cls(
            _digest(text),
            cast("ActorRequest", request).actor,
            hit,
            version_values(hit.entities),
            reply.status,
            headers,
            reply.operation,
            monotonic() + RECHECK_SECONDS,
        )

    @property
    def size(self) -> int:
        """The estimated bytes."""
        return ENTRY_BYTES + ENTITY_BYTES * len(self.hit.entities)

    def reply(self, request: HttpRequest, charged: set[Hashable]) -> Reply | None:
        """Return the answer; None if anything has changed, or if there is none to give.

        ``charged`` as for `charge_request`. Raises `AuthenticationError` for a time-out.
        """
        found = cached_credential(request)
        actor = cast("ActorRequest", request).actor if found else None
        if found is None or actor != self.actor or charge_request(actor, charged):
            return None
        lookup, credential = found
        hit = self.hit
        with timeouts_as_responses():
            version = lookup.confirm(credential, self.entities)
        if version != hit.version:
            return None
        headers = dict(self.headers)
        body = b""
        if hit.key is not None:
            answer = ANSWERS.get(hit.key)
            if answer is None or not answer.is_usable(version, hit.max_age):
                return None
            body = b'{"data":%b}' % answer.data
            headers["Content-Length"] = str(len(body))
            if hit.max_age is not None:
                headers["Age"] = str(int(answer.age()))
        charge_operation(actor, hit.points, charged)
        count_outcome(Outcome.UNCHANGED if hit.key is None else Outcome.HIT)
        return Reply(self.status, body, headers, operation=self.operation)


# By the hash of the request's text: finding nothing must cost next to nothing.
REQUESTS: Final[SizedCache[RepeatedRequest]] = SizedCache(
    MEMORY // REQUESTS_SHARE, attrgetter("size")
)


def look_up(text: bytes | None) -> RepeatedRequest | None:
    """Return the equal request whose answer was cached, if there is one."""
    if text is None or hash(text) not in REQUESTS:
        return None
    known = REQUESTS.get(hash(text))
    if known is None or thread_connection().in_atomic_block:
        return None
    if known.digest != _digest(text) or monotonic() >= known.ends_at:
        return None
    return known


def remember(text: bytes, request: HttpRequest, reply: Reply) -> None:
    """Remember how a request was answered, if its answer was cached."""
    if reply.hit is not None:
        REQUESTS.put(hash(text), RepeatedRequest.of(text, request, reply.hit, reply))


def text_of(request: HttpRequest) -> bytes | None:
    """Return all of a request that an answer can depend on, the credential included.

    None for requests whose answers are not cached: all if the cache is off, and those without a
    credential, not of JSON, or with headers that no server passes on.
    """
    if not ANSWERS.max_size:
        return None
    meta = request.META
    if "HTTP_AUTHORIZATION" not in meta and "HTTP_COOKIE" not in meta:
        return None
    body = b""
    if request.method != "GET":
        length = int(meta.get("CONTENT_LENGTH") or 0)
        longest = min(MAX_BODY, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        if request.content_type != "application/json" or length > longest:
            return None
        body = request.body
    try:
        return orjson.dumps(meta | IGNORED, default=_nothing) + body
    except orjson.JSONEncodeError:
        return None


def _digest(text: bytes) -> bytes:
    """Return what is stored of a request instead of its text, which has secrets."""
    return sha256(text).digest()


def _nothing(_value: object) -> None:
    """Stand for an object of the server's in a text."""
