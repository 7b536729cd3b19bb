"""Operations in plain HTTP/1.1 requests, read and answered past gunicorn's general ways.

gunicorn reads whatever HTTP allows, which takes it a third of the time of a small operation. Nearly
all operations come whole, in one piece, each header once. These are read here, as gunicorn would
read them, and all others are left to it.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, ClassVar, Final

from gunicorn.http.wsgi import SERVER  # type: ignore[import-untyped]
from gunicorn.util import http_date  # type: ignore[import-untyped]

from core.api import PATH

REQUEST_LINE: Final = f"POST {PATH} HTTP/1.1"
REQUEST: Final = {
    "REQUEST_METHOD": "POST",
    "RAW_URI": PATH,
    "PATH_INFO": PATH,
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
}
# gunicorn allows as much for every header (`limit_request_field_size`).
MAX_HEAD: Final = 8190
# As much is read at once.
MAX_REQUEST: Final = 65_536
# They tell how the body or the connection is to be treated.
SPECIAL: Final = frozenset({"transfer-encoding", "expect", "upgrade", "trailer", "te"})
# What gunicorn's environment says of one request only.
OF_A_REQUEST: Final = ("HTTP_", "CONTENT_", "wsgi.input", "wsgi.early_hints")

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request that was read here, with what gunicorn's log asks of its own."""

    environ: Environment
    method: ClassVar = "POST"
    uri: ClassVar = PATH
    query: ClassVar = ""
    version: ClassVar = (1, 1)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The names and values."""
        return [
            (key.removeprefix("HTTP_").replace("_", "-"), value)
            for key, value in self.environ.items()
            if key.startswith(("HTTP_", "CONTENT_"))
        ]

    @property
    def body(self) -> BytesIO:
        """What is read of it."""
        body: BytesIO = self.environ["wsgi.input"]
        return body


class PlainParser:
    """Takes the place of a connection's parser when that has read a request."""

    def __init__(
        self, parser: Any, environ: Mapping[str, Any], scheme_headers: Iterable[str]
    ) -> None:
        """Learn about the connection from the environment of its first request."""
        self.parser = parser
        self.unreader = parser.unreader
        self.is_plain = False
        shared = {key: environ[key] for key in environ if not key.startswith(OF_A_REQUEST)}
        self.shared: Environment = shared | REQUEST | {"wsgi.input_terminated": True}
        # By which a proxy tells the scheme. The environment has the scheme of these values.
        self.scheme = {key: environ.get(key) for key in map(_key, scheme_headers) if key}

    def __next__(self) -> Any:
        """Read a request: a `PlainRequest`, or what gunicorn makes of it."""
        data = self.unreader.read(read_ahead=MAX_REQUEST)
        environ = self.environ(data)
        self.is_plain = environ is not None
        if environ is not None:
            return PlainRequest(environ)
        self.unreader.unread(data)
        return next(self.parser)

    def finish_body(self, deadline: float | None = None) -> bool:
        """Read what is left of a body, of which a plain request leaves nothing."""
        return self.is_plain or bool(self.parser.finish_body(deadline=deadline))

    def environ(self, data: bytes) -> Environment | None:
        """Return the WSGI environment of a plain request; None if it is none."""
        head, _blank_line, body = data.partition(b"\r\n\r\n")
        line, *headers = head.decode("latin-1").split("\r\n")
        if line != REQUEST_LINE or len(head) > MAX_HEAD:
            return None
        environ = dict(self.shared)
        for header in headers:
            name, colon, value = header.partition(":")
            key = _key(name) if colon else None
            # Whatever is not printable could end a line or a value for somebody.
            if key is None or key in environ or not header.isprintable():
                return None
            environ[key] = value.strip(" ")
        is_plain = (
            environ.get("CONTENT_LENGTH") == str(len(body))
            and "HTTP_HOST" in environ
            and environ.get("HTTP_CONNECTION", "keep-alive").lower() == "keep-alive"
            and all(environ.get(key) == value for key, value in self.scheme.items())
        )
        environ["wsgi.input"] = BytesIO(body)
        return environ if is_plain else None


@lru_cache(1_000)
def _key(name: str) -> str | None:
    """Return a header's key in the environment; None if there is more to it."""
    is_name = name.isascii() and name.replace("-", "").isalnum()
    if not is_name or name.lower() in SPECIAL:
        return None
    key = name.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


class PlainResponse:
    """What the application answered; its attributes are those that gunicorn's log asks for."""

    def __init__(self, application: Application, environ: Environment) -> None:
        """Have the application answer."""
        self.status = ""
        self.headers: Sequence[tuple[str, str]] = ()
        self.result = application(environ, self._start)
        self.body = b"".join(self.result)
        self.sent = len(self.body)

    def _start(self, status: str, headers: Sequence[tuple[str, str]], _error: Any = None) -> None:
        self.status, self.headers = status, headers

    def message(self, *, keeps_connection: bool) -> bytes:
        """Return all that is to be sent. The headers were checked by Django."""
        headers = [
            ("Server", SERVER),
            ("Date", _date(int(time.time()))),
            ("Connection", "keep-alive" if keeps_connection else "close"),
            *self.headers,
        ]
        if not any(name == "Content-Length" for name, _value in headers):
            headers.append(("Content-Length", str(self.sent)))
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        return f"HTTP/1.1 {self.status}\r\n{lines}\r\n".encode("latin-1") + self.body

    def close(self) -> None:
        """Tell the application that all was sent."""
        close = getattr(self.result, "close", None)
        if close:
            close()


@lru_cache(1)
def _date(second: int) -> str:
    return str(http_date(second))
