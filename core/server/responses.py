"""Serialisation of WSGI responses (PEP 3333, RFC 9112)."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from core.request_id import HEADER as REQUEST_ID_HEADER
from core.server.requests import READ_BYTES, Environ, RefusedRequestError, Request

Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]

# RFC 9110, section 6.4.1.
WITHOUT_BODY: Final = ("1", "204", "304")
# Files are read in blocks of 4 KiB; this many are sent together.
BLOCKS: Final = 16
# `extensions.code` of a refusal; BAD_REQUEST for other statuses.
CODES: Final = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "BODY_TOO_LARGE",
    HTTPStatus.REQUEST_TIMEOUT: "TIMEOUT",
    HTTPStatus.TOO_MANY_REQUESTS: "RATE_LIMITED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
}
RETRYABLE: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
RETRY_SECONDS: Final = 5


class Response:
    """A response; gunicorn's access log reads ``status``, ``headers`` and ``sent``."""

    def __init__(self, application: Application, request: Request) -> None:
        """Call the application."""
        self.status = ""
        self.headers: Headers = []
        self.sent = 0
        self.is_for_head = request.environ["REQUEST_METHOD"] == "HEAD"
        self._announced: int | None = None
        self._result = application(request.environ, self._start)
        # As Django marks responses whose body is not in memory.
        self.is_streamed = getattr(self._result, "streaming", False)

    def parts(self, *, keeps_alive: bool) -> tuple[bytes, Iterator[bytes]]:
        """Return the first bytes to send, and the remaining blocks of a large body.

        A client would read bytes beyond the announced length as the next response, so the length is
        enforced here, independent of the application.
        """
        blocks: Iterator[bytes] = iter(())
        body = b""
        length: int | None = None
        if not self.status.startswith(WITHOUT_BODY):
            if self._announced is None or self._announced <= READ_BYTES:
                body = b"".join(self._result)
                length = self._announced if self.is_for_head and self._announced else len(body)
            else:
                length = self._announced
                blocks = self._blocks(length)
            if self.is_for_head:
                body, blocks = b"", iter(())
            self.sent = length
        return self._head(length, keeps_alive=keeps_alive) + body, blocks

    def close(self) -> None:
        """Close the application's iterable (PEP 3333)."""
        close = getattr(self._result, "close", None)
        if close:
            close()

    def _start(self, status: str, headers: Headers, _error: Any = None) -> None:
        self.status = status
        for name, value in headers:
            if name.lower() == "content-length":
                self._announced = int(value)
            else:
                self.headers.append((name, value))

    def _head(self, length: int | None, *, keeps_alive: bool) -> bytes:
        # No header injection: Django refuses line breaks in headers.
        lines = [
            f"HTTP/1.1 {self.status}",
            f"Date: {_date(int(time.time()))}",
            "Connection: keep-alive" if keeps_alive else "Connection: close",
            *map(": ".join, self.headers),
        ]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _blocks(self, length: int) -> Iterator[bytes]:
        blocks = iter(self._result)
        while length and (block := b"".join(islice(blocks, BLOCKS))[:length]):
            length -= len(block)
            yield block
        if length:
            raise ConnectionAbortedError("The body is shorter than its Content-Length.")


# Of the admin, whose forms upload files. Its page explains in its design and in the language of the
# reader what this document, which is sent below the application, cannot.
ADMIN: Final = "/admin/"
TOO_LARGE: Final = f"{ADMIN}too-large/"
TOO_LARGE_DOCUMENT: Final = (
    f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={TOO_LARGE}">'
    f'<title>413</title><a href="{TOO_LARGE}">The file is too large.</a>'
)


def refusal(error: RefusedRequestError, request_id: str, path: str = "") -> bytes:
    """Return the response to a request that does not reach the application.

    It has the form of a GraphQL error, or leads to a page if an upload to the admin is too large,
    like the proxy's responses in nginx.conf.template.
    """
    if error.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE and path.startswith(ADMIN):
        return _response(error.status, request_id, "text/html; charset=utf-8", TOO_LARGE_DOCUMENT)
    code = CODES.get(error.status, "BAD_REQUEST")
    extensions = {"code": code}
    if error.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        extensions["requestId"] = request_id
    body = error_body(str(error), **extensions).decode()
    return _response(error.status, request_id, "application/json", body)


def _response(status: HTTPStatus, request_id: str, content_type: str, body: str) -> bytes:
    """Return the last response of a connection; the body is ASCII."""
    retry = f"Retry-After: {RETRY_SECONDS}\r\n" if status in RETRYABLE else ""
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Date: {_date(int(time.time()))}\r\nConnection: close\r\n{retry}"
        f"{REQUEST_ID_HEADER}: {request_id}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def error_body(message: str, **extensions: object) -> bytes:
    """Return the JSON of one GraphQL error."""
    return json.dumps({"errors": [{"message": message, "extensions": extensions}]}).encode()


@lru_cache(1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
