"""What requests and responses say about caches (RFC 9110, RFC 9111)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from django.http import HttpRequest
from django.utils.http import parse_etags

# A longer header is ignored.
HEADER_LENGTH: Final = 1_000
_MAX_AGE: Final = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?(\d+)"?\s*(?:,|$)', re.IGNORECASE)
_FRESH: Final = re.compile(r"(?:^|,)\s*no-(?:cache|store)\s*(?:=|,|$)", re.IGNORECASE)

NO_STORE: Final = "no-store"
REVALIDATED: Final = "private, no-cache"


class Hit(NamedTuple):
    """How an answer was found in this process's memory."""

    # None if the client has the answer.
    key: bytes | None
    # What the answer depends on, and the version of that.
    entities: frozenset[UUID]
    version: int
    # The seconds that the answer may be old; None if it is fresh while the version is the same.
    max_age: int | None
    # What the operation costs.
    points: int


@dataclass(slots=True)
class Caching:
    """The caching of one request: what its headers allow, and how it was answered."""

    # Of the answer.
    media_type: str = ""
    # The seconds that the answer may be old.
    max_age: int = 0
    # The entity tags that the client has; None for a method without revalidation.
    etags: frozenset[str] | None = None
    # Of the answer, if it can be revalidated.
    etag: str | None = None
    # The seconds since the answer was computed, if it may be old.
    age: int | None = None
    # Whether the answer was cached, and how it was found or why not, for the trace.
    is_cached: bool = False
    outcome: str | None = None
    reason: str | None = None
    hit: Hit | None = None
    # The version of the entities under which the answer is to be cached. A replica that reads the
    # rows must have the same before and after; None if the primary reads them.
    entities: frozenset[UUID] = frozenset()
    version: int = 0
    is_version_same: bool | None = None

    @classmethod
    def of(cls, request: HttpRequest, media_type: str, max_staleness: int) -> "Caching":
        """Read a request's headers; the answer may be at most ``max_staleness`` seconds old."""
        control = _header(request, "HTTP_CACHE_CONTROL")
        max_age = min(_max_age(control), max_staleness) if control else 0
        if request.method != "GET":
            return cls(media_type, max_age)
        return cls(media_type, max_age, _etags(_header(request, "HTTP_IF_NONE_MATCH")))

    @property
    def is_unchanged(self) -> bool:
        """Whether the client has the answer."""
        return self.etag is not None and self.etag in (self.etags or ())

    @property
    def headers(self) -> dict[str, str]:
        """The headers that tell clients what to do with the answer."""
        found = {"Cache-Control": REVALIDATED if self.etag else NO_STORE}
        if self.etag:
            found["ETag"] = self.etag
        if self.age is not None:
            found["Age"] = str(self.age)
        return found


def _header(request: HttpRequest, name: str) -> str:
    """Return a header; empty if it is longer than those of clients."""
    found: str = request.META.get(name, "")
    return found if len(found) <= HEADER_LENGTH else ""


@lru_cache(100)
def _max_age(header: str) -> int:
    """Return the seconds of `max-age`; 0 for a fresh answer."""
    found = _MAX_AGE.search(header)
    return int(found[1]) if found and not _FRESH.search(header) else 0


def _etags(header: str) -> frozenset[str]:
    """Return the entity tags of `If-None-Match`, as weak ones."""
    tags = parse_etags(header) if header else ()
    return frozenset(each if each.startswith("W/") else f"W/{each}" for each in tags)
