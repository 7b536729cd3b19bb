"""Requests as WSGI servers pass them on, over both paths."""

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIHandler

from core.web.fast_path import FastPath
from tests.support.client import JSON

FIXED: Final[dict[str, Any]] = {
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "PATH_INFO": "/graphql",
    "QUERY_STRING": "",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


class Response(NamedTuple):
    """A response, without the request id."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def named(self) -> dict[str, str]:
        """The headers by name."""
        return dict(self.headers)


@dataclass(frozen=True, slots=True)
class Request:
    """The variables of a request, and its body."""

    environ: Mapping[str, Any]
    body: bytes = b""

    @classmethod
    def post(cls, query: str, variables: Any = None, **environ: str) -> "Request":
        """Return an operation sent by POST."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        sent = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": JSON, "CONTENT_LENGTH": str(len(body))}
        return cls(sent | {"HTTP_HOST": "testserver"} | environ, body)

    @classmethod
    def get(cls, query: str, variables: Any = None, **environ: str) -> "Request":
        """Return a query sent by GET."""
        url = urlencode({"query": query, "variables": json.dumps(variables)})
        sent = {"REQUEST_METHOD": "GET", "QUERY_STRING": url, "HTTP_HOST": "testserver"}
        return cls(sent | environ)

    def having(self, **environ: str | None) -> "Request":
        """Return the request with other variables, and without those that are None."""
        merged = {**self.environ, **environ}
        return replace(self, environ={k: v for k, v in merged.items() if v is not None})


@cache
def path_of(*, is_fast: bool) -> Any:
    """Return the WSGI application, with the fast path or without."""
    django = WSGIHandler()
    return FastPath(django) if is_fast else django


def send(request: Request, *, is_fast: bool = True, stream: Any = None) -> Response:
    """Return the response of one path; ``stream`` is read in place of the body."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    own = {"wsgi.input": stream or io.BytesIO(request.body), "wsgi.errors": sys.stderr}
    result = path_of(is_fast=is_fast)(
        FIXED | own | dict(request.environ),
        lambda status, headers, _error=None: started.append((status, headers)),
    )
    body = b"".join(result)
    getattr(result, "close", lambda: None)()
    ((status, headers),) = started
    return Response(
        status, tuple(sorted(each for each in headers if each[0] != "X-Request-ID")), body
    )
