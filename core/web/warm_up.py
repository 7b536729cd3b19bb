"""What the first request of a process does once, done before it is ready."""

import logging
from io import BytesIO
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error, connection

from core.telemetry.requests import discard
from core.web.fast_path import WSGIApplication
from core.web.operations import PATH

logger = logging.getLogger(__name__)

OPERATION: Final = b'{"query": "{ me { username } }"}'


def warm_up(application: WSGIApplication) -> None:
    """Connect to the database, and execute an operation, which is not counted.

    Without the database, the process starts as well: it is not ready until that answers.
    """
    try:
        connection.ensure_connection()
    except Error as error:
        logger.warning("started without the database", extra={"error": type(error).__name__})
    address = urlsplit(settings.PUBLIC_URL)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(OPERATION)),
        "HTTP_HOST": address.netloc,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": address.hostname,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": address.scheme,
        "wsgi.input": BytesIO(OPERATION),
    }
    statuses: list[str] = []
    b"".join(application(environ, lambda status, _headers: statuses.append(status)))
    if statuses != ["200 OK"]:
        logger.warning("not warmed up", extra={"status": statuses})
    # Each thread has its own connection. This one would stay idle.
    connection.close()
    discard()
