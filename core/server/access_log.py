"""The access log: a line of JSON for each request, or gunicorn's, by its format."""

import logging
import os
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from core.request_id import HEADER as REQUEST_ID
from core.server.requests import Environ, Request
from core.server.responses import Headers, Response
from core.telemetry.requests import RECORD, RequestRecord

# A header of the request or the response, or a variable of the environment, in gunicorn's format.
NAMED: Final = re.compile(r"%\(\{([^}]*)\}([ioe])\)", re.IGNORECASE)
# The environment's variables for fields without such a name.
VARIABLES: Final = (
    "HTTP_AUTHORIZATION",
    "HTTP_REFERER",
    "HTTP_USER_AGENT",
    "PATH_INFO",
    "QUERY_STRING",
    "RAW_URI",
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "SERVER_PROTOCOL",
)


class LoggedRequest(NamedTuple):
    """What gunicorn's access log reads of a request."""

    headers: Headers


class LoggedResponse(NamedTuple):
    """What gunicorn's access log reads of a response."""

    status: str
    headers: Headers
    sent: int


class JsonLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logger, whose access log has a JSON object for each request.

    The lines are written at once and not by `logging`, which would take longer than a request that
    is answered from memory.
    """

    def access(self, resp: Any, _req: Any, environ: Environ, request_time: timedelta) -> None:
        """Write a line, if the log is enabled."""
        if not self.access_log_enabled:
            return
        headers = reversed(resp.headers)
        line = {
            "time": datetime.now(UTC).isoformat(),
            "level": "INFO",
            "logger": "gunicorn.access",
            "message": "request",
            "request_id": next((value for name, value in headers if name == REQUEST_ID), None),
            "address": environ.get("REMOTE_ADDR"),
            "method": environ["REQUEST_METHOD"],
            # Without the query string, which in a GET has the document and its variables.
            "path": environ["PATH_INFO"],
            "status": int(str(resp.status).split(maxsplit=1)[0]),
            "bytes": resp.sent,
            "duration_ms": _milliseconds(request_time.total_seconds()),
            **_fields_of(environ.get(RECORD)),
        }
        text = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        for handler in self.access_log.handlers:
            if isinstance(handler, logging.StreamHandler):
                # As with `logging`, a log that cannot be written must not fail the request.
                with suppress(OSError):
                    os.write(handler.stream.fileno(), text)


def _fields_of(record: RequestRecord | None) -> dict[str, Any]:
    """Return what the application knows of a request; nothing if it never got it."""
    if record is None:
        return {}
    kind, _status, _seconds, statements, database, operation, user_id, codes = record
    return {
        "kind": kind,
        "operation": operation,
        "user_id": None if user_id is None else str(user_id),
        "errors": ",".join(codes) or None,
        "statements": statements,
        "database_ms": _milliseconds(database),
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1_000, 3)


class AccessLog:
    """Writes the access log by gunicorn's logger.

    For each line of its own format, gunicorn converts all headers and the whole environment. So it
    gets only those that the format names.
    """

    def __init__(self, logger: Any, log_format: str) -> None:
        """Take gunicorn's logger and its format."""
        named = [(kind.lower(), name.lower()) for name, kind in NAMED.findall(log_format)]
        self._logger = logger
        self._response_headers = {name for kind, name in named if kind == "o"}
        self._names_request = any(kind != "o" for kind, _name in named)

    def write(self, response: Response, request: Request, took: timedelta) -> None:
        """Write a line, if the log is enabled."""
        if not self._logger.access_log_enabled:
            return
        if isinstance(self._logger, JsonLogger):
            self._logger.access(response, request, request.environ, took)
            return
        headers = [each for each in response.headers if each[0].lower() in self._response_headers]
        logged: Any = request
        environ: Environ = request.loggable
        if not self._names_request:
            logged = LoggedRequest([])
            environ = {name: environ[name] for name in VARIABLES if name in environ}
        self._logger.access(
            LoggedResponse(response.status, headers, response.sent), logged, environ, took
        )
