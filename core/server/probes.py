"""Responses that the worker gives by itself: to probes, and to requests beyond its capacity."""

from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from core.cached_settings import settings
from core.request_id import HEADER, request_id_from
from core.server.connections import Connection
from core.server.media_types import preferred_type
from core.server.readiness import bounded_readiness_problem
from core.server.requests import Environ
from core.server.responses import error_body

LIVEZ: Final = "/livez"
READYZ: Final = "/readyz"
UNAVAILABLE: Final = "503 Service Unavailable"
# When a client should try again: overload passes within seconds, or other pods share it.
RETRY_SECONDS: Final = 2


class ReadinessThread(Thread):
    """Answers /readyz: neither waits for the other, the check and the request threads."""

    def __init__(self, answer: Callable[[Connection, str | None], None], logger: Any) -> None:
        """Call ``answer`` with each connection and the problem, if there is any."""
        super().__init__(name="readiness probes", daemon=True)
        self._answer = answer
        self._logger = logger
        self._connections: SimpleQueue[Connection] = SimpleQueue()

    def put(self, connection: Connection) -> None:
        """Have a connection answered whose next request is for /readyz."""
        self._connections.put(connection)

    def run(self) -> None:
        """Answer all that wait by one check."""
        while True:
            waiting = [self._connections.get()]
            waiting += [self._connections.get() for _more in range(self._connections.qsize())]
            try:
                problem = bounded_readiness_problem()
            except Exception:
                self._logger.exception("Error checking the readiness")
                problem = "check failed"
            for connection in waiting:
                self._answer(connection, problem)


def livez(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Respond that the process does (a WSGI application)."""
    return _respond(environ, start_response, "200 OK", "text/plain", b"ok\n")


def readyz(
    problem: str | None, environ: Environ, start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Respond whether there is no problem (a WSGI application of the problem)."""
    status = UNAVAILABLE if problem else "200 OK"
    return _respond(environ, start_response, status, "text/plain", f"{problem or 'ok'}\n".encode())


def overloaded(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Respond 503 to a request that the process has no capacity for (a WSGI application)."""
    body = error_body(
        "The server is busy. Try again in a moment.", code="UNAVAILABLE", retryAfter=RETRY_SECONDS
    )
    accepted = preferred_type(environ.get("HTTP_ACCEPT", "*/*"))
    retry = ("Retry-After", str(RETRY_SECONDS))
    return _respond(
        environ, start_response, UNAVAILABLE, accepted or "application/json", body, retry
    )


def _respond(
    environ: Environ,
    start_response: Callable[..., Any],
    status: str,
    media_type: str,
    body: bytes,
    *headers: tuple[str, str],
) -> Iterable[bytes]:
    request_id = request_id_from(environ, trusted_proxies=settings.TRUSTED_PROXIES)
    common = [
        ("Content-Type", media_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        (HEADER, request_id),
    ]
    start_response(status, [*common, *headers])
    return [body]
