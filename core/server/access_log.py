"""Gunicorn's access log, with only the data that its format contains."""

import re
from datetime import timedelta
from typing import Any, Final, NamedTuple

from core.server.requests import Environ, Request
from core.server.responses import Headers, Response

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


class AccessLog:
    """Writes gunicorn's access log.

    For each line, gunicorn converts all headers and the whole environment. So it gets only those
    that the format names.
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
        headers = [each for each in response.headers if each[0].lower() in self._response_headers]
        logged: Any = request
        environ: Environ = request.loggable
        if not self._names_request:
            logged = LoggedRequest([])
            environ = {name: environ[name] for name in VARIABLES if name in environ}
        self._logger.access(
            LoggedResponse(response.status, headers, response.sent), logged, environ, took
        )
