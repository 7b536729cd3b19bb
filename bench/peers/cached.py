"""Roster with its cache of answers, as deployed."""

from contextlib import closing
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import orjson

from bench.contestants import Question
from bench.load import http_request
from bench.peers.roster import ORGANIZATION, Roster, global_id

# Of pages, searches and counts, which depend on all users.
MAX_AGE: Final = 60
NOT_CACHED: Final = "answers are not cached"


class CachedRoster(Roster):
    """Roster as deployed, answering the same requests again."""

    name = "roster-cached"
    title = "Roster, cached"
    absent = dict.fromkeys(
        ("typename", "log_in", "create_user", "refresh"),
        NOT_CACHED,
    )

    def environment(self) -> dict[str, str]:
        """Return the settings of production."""
        environ = super().environment()
        del environ["ANSWER_CACHE_MB"]
        return environ

    def questions(self) -> dict[str, Question]:
        """Return the questions whose answers are cached, and the one that changes them."""
        cached = {k: each for k, each in super().questions().items() if k not in self.absent}
        return cached | {"unchanged": Question(self._revalidate, lambda answer: answer)}

    def _revalidate(self, organization: UUID) -> bytes:
        """Return a request for an answer that the client has (RFC 9110, section 13.1.2)."""
        variables = orjson.dumps({"id": global_id("Organization", organization)}).decode()
        path = f"/graphql?{urlencode({'query': ORGANIZATION, 'variables': variables})}"
        headers = {"Authorization": f"Bearer {self.staff}"}
        with closing(HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("GET", path, headers=headers | {"Accept": "application/json"})
            etag = connection.getresponse().headers["ETag"]
        return http_request("GET", path, headers=headers | {"If-None-Match": etag})

    def _headers(self, token: str) -> dict[str, str]:
        """Accept answers of a certain age where they are not versioned."""
        return super()._headers(token) | {"Cache-Control": f"max-age={MAX_AGE}"}
