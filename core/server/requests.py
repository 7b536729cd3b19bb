"""Parsing of HTTP/1.1 into WSGI requests.

llhttp, Node's parser, frames requests (RFC 9112, in strict mode). This module adds the rules that a
parser leaves to the server: sizes, singleton fields, the target and encodings.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

import httptools
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.util import (  # type: ignore[import-untyped]
    split_request_uri,
    unquote_to_wsgi_str,
)

Environ = dict[str, Any]

# The size of a read, and the largest head.
READ_BYTES: Final = 65_536
HEAD_BYTES: Final = 65_536
# Of a field: a colon, a space and a line break.
PUNCTUATION_BYTES: Final = 4
# How many requests a connection may pipeline.
PIPELINED: Final = 32
# Must not be repeated (RFC 9110, section 5.3). llhttp refuses a second Content-Length.
SINGLETONS: Final = frozenset({"HTTP_HOST", "HTTP_AUTHORIZATION", "CONTENT_TYPE"})
WITHOUT_PREFIX: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
# Names of fields up to this length are cached.
LONGEST_CACHED: Final = 64
VERSIONS: Final = frozenset({"1.0", "1.1"})


class RefusedRequestError(Exception):
    """The request is refused with an error, and the connection closes."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        """Take the status and the message for the client."""
        super().__init__(message)
        self.status = status


class Phase(Enum):
    """The part of a request that a connection waits for."""

    IDLE = "the next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request, in bytes and numbers of fields."""

    request_line: int
    fields: int
    field: int
    body: int

    @classmethod
    def of(cls, config: Config, *, body: int) -> "Limits":
        """Return limits with gunicorn's settings for the head."""
        return cls(
            config.limit_request_line,
            config.limit_request_fields,
            config.limit_request_field_size,
            body,
        )


@dataclass(frozen=True, slots=True)
class Peer:
    """The client of a connection, and the environment that its requests share."""

    environ: Mapping[str, Any]
    # Headers by which a trusted proxy reports the scheme: the WSGI key, and the value for https.
    scheme_headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request, including its body."""

    environ: Environ
    keeps_alive: bool

    @property
    def loggable(self) -> Environ:
        """The environment for gunicorn's access log, with line breaks escaped in the path."""
        if self.environ["PATH_INFO"].isprintable():
            return self.environ
        path, _mark, _query = self.environ["RAW_URI"].partition("?")
        return self.environ | {"PATH_INFO": path}

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields, for gunicorn's access log."""
        return [
            (key.removeprefix("HTTP_").replace("_", "-"), value)
            for key, value in self.environ.items()
            if key.startswith("HTTP_") or key in WITHOUT_PREFIX
        ]


class RequestParser:
    """Parses the requests of one connection.

    The ``on_`` methods are llhttp's callbacks; raising `RefusedRequestError` stops the parser.
    """

    def __init__(self, peer: Peer, limits: Limits) -> None:
        """Start before the first request."""
        self.peer = peer
        self.limits = limits
        self.requests: deque[Request] = deque()
        self.refusal: RefusedRequestError | None = None
        self.expects_continue = False
        self.phase = Phase.IDLE
        self._llhttp: Any = httptools.HttpRequestParser(self)
        self._environ: Environ = {}
        # One buffer: many small chunks as objects would take many times their size.
        self._body = BytesIO()
        self._target = b""
        self._keeps_alive = False
        self._fields = self._head_bytes = self._body_bytes = self._received = 0

    @property
    def buffered(self) -> int:
        """The size of an incomplete body, in bytes."""
        return self._body_bytes

    @property
    def unfinished(self) -> Environ:
        """The environment of an incomplete request; empty if there is none."""
        return {} if self.phase is Phase.IDLE else self._environ

    def feed(self, data: bytes) -> None:
        """Parse data; append complete requests to ``requests``, or set ``refusal``."""
        while data:
            try:
                self._llhttp.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Upgrades are ignored, so HTTP continues (RFC 9110, section 7.8).
                data = data[upgrade.args[0] :]
                self._llhttp = httptools.HttpRequestParser(self)
                if self.phase is Phase.BODY:
                    self._llhttp.feed_data(self._framing())
                continue
            except httptools.HttpParserCallbackError as error:
                self.refusal = _cause(error)
            except httptools.HttpParserError:
                # Data after a connection's last request is ignored.
                if not (self.requests and not self.requests[-1].keeps_alive):
                    self.refusal = _bad_request("The request is not valid HTTP/1.1.")
            break
        if self.phase is not Phase.IDLE and self.refusal is None:
            self._bound(len(data))

    def close(self) -> None:
        """Break the reference cycle with llhttp's callbacks."""
        self._llhttp = None

    def _bound(self, received: int) -> None:
        """Bound data that is neither field nor body, such as chunk extensions."""
        self._received += received
        if self.phase is Phase.HEAD and self._received > HEAD_BYTES + READ_BYTES:
            self.refusal = _head_too_large()
        elif self._received > 2 * (self.limits.body + HEAD_BYTES + READ_BYTES):
            self.refusal = _body_too_large()

    def on_message_begin(self) -> None:
        """Start a request."""
        if self.phase is Phase.BODY:
            return
        self.phase = Phase.HEAD
        self._environ = dict(self.peer.environ)
        self._body = BytesIO()
        self._target = b""
        self._fields = self._head_bytes = self._body_bytes = self._received = 0

    def on_url(self, data: bytes) -> None:
        """Append to the request target."""
        if self.phase is Phase.BODY:
            return
        self._target += data
        if len(self._target) > self.limits.request_line:
            raise RefusedRequestError(HTTPStatus.REQUEST_URI_TOO_LONG, "The URL is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header field; ignore trailers (RFC 9110, section 6.5.1)."""
        if self.phase is Phase.BODY:
            return
        environ, limits = self._environ, self.limits
        size = len(name) + len(value) + PUNCTUATION_BYTES
        self._fields += 1
        self._head_bytes += size
        if self._fields > limits.fields or size > limits.field or self._head_bytes > HEAD_BYTES:
            raise _head_too_large()
        key = _environ_key(name) if len(name) <= LONGEST_CACHED else _environ_key.__wrapped__(name)
        if key is None:
            return
        text = value.decode("latin-1").strip(" \t")
        if key not in environ:
            environ[key] = text
        elif key in SINGLETONS:
            raise _bad_request("Send this header only once: Host, Authorization or Content-Type.")
        else:
            environ[key] += f",{text}"

    def on_headers_complete(self) -> None:
        """Validate the complete head."""
        if self.phase is Phase.BODY:
            return
        self.phase = Phase.BODY
        self._keeps_alive = self._llhttp.should_keep_alive()
        environ, version = self._environ, self._llhttp.get_http_version()
        if version not in VERSIONS:
            raise _bad_request("Use HTTP/1.1.")
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
        environ["REQUEST_METHOD"] = self._llhttp.get_method().decode("ascii")
        if "HTTP_HOST" not in environ and version != "1.0":
            raise _bad_request("The header Host is missing.")
        if "*" in environ.get("CONTENT_TYPE", ""):
            # RFC 2231 is for mail; Django raises for charsets that Python does not have.
            raise _bad_request("The header Content-Type is not valid.")
        self._take_target(self._target.decode("ascii"))
        self._take_scheme()
        if "HTTP_TRANSFER_ENCODING" in environ:
            self._check_transfer_encoding(version)
        elif int(environ.get("CONTENT_LENGTH", 0)) > self.limits.body:
            raise _body_too_large()
        if "HTTP_EXPECT" in environ:
            if environ["HTTP_EXPECT"].lower() != "100-continue":
                raise RefusedRequestError(
                    HTTPStatus.EXPECTATION_FAILED, "The only supported expectation is 100-continue."
                )
            self.expects_continue = version != "1.0"

    def on_body(self, data: bytes) -> None:
        """Append to the body."""
        self._body.write(data)
        self._body_bytes += len(data)
        if self._body_bytes > self.limits.body:
            raise _body_too_large()

    def on_message_complete(self) -> None:
        """Queue the complete request."""
        environ = self._environ
        if self._llhttp.should_upgrade() and self._framing():
            # llhttp ends an upgrade request after its head; its body follows.
            return
        if len(self.requests) == PIPELINED:
            raise RefusedRequestError(
                HTTPStatus.TOO_MANY_REQUESTS, "Wait for responses before you send more requests."
            )
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            # The body is complete and no longer chunked.
            environ["CONTENT_LENGTH"] = str(self._body_bytes)
        self._body.seek(0)
        environ["wsgi.input"] = self._body
        self.requests.append(Request(environ, self._keeps_alive))
        self.phase = Phase.IDLE
        self.expects_continue = False
        self._body = BytesIO()
        self._body_bytes = 0

    def _framing(self) -> bytes:
        """Return a synthetic head that frames the same body; empty if there is no body.

        The callbacks ignore this head because the phase is `Phase.BODY`.
        """
        if "HTTP_TRANSFER_ENCODING" in self._environ:
            return b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        length = int(self._environ.get("CONTENT_LENGTH", 0))
        return b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length if length else b""

    def _take_target(self, target: str) -> None:
        """Parse the target in origin, absolute or asterisk form (RFC 9112, section 3.2)."""
        environ = self._environ
        environ["RAW_URI"] = target
        is_origin_form = target.startswith("/")
        if is_origin_form and "%" not in target and "#" not in target and target[:2] != "//":
            environ["PATH_INFO"], _mark, environ["QUERY_STRING"] = target.partition("?")
            return
        if environ["REQUEST_METHOD"] == "CONNECT":
            raise RefusedRequestError(HTTPStatus.NOT_IMPLEMENTED, "CONNECT is not supported.")
        try:
            parts = split_request_uri(target)
        except ValueError:
            raise _bad_request("The URL is not valid.") from None
        is_asterisk = target == "*" and environ["REQUEST_METHOD"] == "OPTIONS"
        is_absolute_form = parts.scheme in {"http", "https"} and bool(parts.netloc)
        if "#" in target or not (is_origin_form or is_absolute_form or is_asterisk):
            raise _bad_request("The URL is not valid.")
        if is_absolute_form and parts.netloc != environ.get("HTTP_HOST", parts.netloc):
            raise _bad_request("The URL and the header Host name different hosts.")
        environ["PATH_INFO"] = unquote_to_wsgi_str(parts.path)
        environ["QUERY_STRING"] = parts.query

    def _take_scheme(self) -> None:
        """Set the scheme that a trusted proxy reports."""
        environ = self._environ
        for key, secure in self.peer.scheme_headers:
            if key in environ:
                if "," in environ[key]:
                    raise _bad_request("The proxies report more than one scheme.")
                environ["wsgi.url_scheme"] = "https" if environ[key] == secure else "http"

    def _check_transfer_encoding(self, version: str) -> None:
        if self._environ["HTTP_TRANSFER_ENCODING"].lower() != "chunked":
            raise RefusedRequestError(
                HTTPStatus.NOT_IMPLEMENTED, "The only supported transfer encoding is chunked."
            )
        if version == "1.0":
            # Faulty framing, by RFC 9112, section 6.1.
            raise _bad_request("HTTP/1.0 does not support transfer encodings.")


@lru_cache(1_000)
def _environ_key(name: bytes) -> str | None:
    """Return a header field's key in WSGI's environment; None if it is ignored."""
    if b"_" in name:
        # WSGI would not distinguish it from the field with hyphens, which a proxy may set.
        return None
    key = name.decode("ascii").upper().replace("-", "_")
    return key if key in WITHOUT_PREFIX else f"HTTP_{key}"


def _cause(error: httptools.HttpParserCallbackError) -> RefusedRequestError:
    """Return the refusal that a callback raised; re-raise any other exception."""
    cause = error.__context__
    if isinstance(cause, RefusedRequestError):
        return cause
    raise error


def _bad_request(message: str) -> RefusedRequestError:
    return RefusedRequestError(HTTPStatus.BAD_REQUEST, message)


def _head_too_large() -> RefusedRequestError:
    return RefusedRequestError(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large or too many."
    )


def _body_too_large() -> RefusedRequestError:
    return RefusedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.")
