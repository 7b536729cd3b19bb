"""A WSGI application that returns its request."""

import json
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

# The worker reads the body limit from the settings.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

SEEN = ("REQUEST_METHOD", "RAW_URI", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "CONTENT_TYPE")


class Broken(list[bytes]):
    """A response body whose `close` raises."""

    def close(self) -> None:
        """Fail."""
        raise ValueError


class Fatal(list[bytes]):
    """A response body whose `close` ends its thread."""

    def close(self) -> None:
        """End the thread."""
        raise SystemExit


class Streamed(list[bytes]):
    """A response body that is streamed, as Django marks it."""

    streaming = True


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Return the request as JSON.

    ``/livez`` responds like the service. ``/large`` returns the number of bytes in the query
    string, and ``/streamed`` streams them; ``/slow`` waits for as many seconds. ``/late`` raises a
    `BaseException`. The response of ``/broken`` raises when it is closed, and that of ``/exit``
    ends the thread.
    """
    body = environ["wsgi.input"].read()
    seen = {key: environ.get(key) for key in SEEN} | {
        key: value
        for key, value in environ.items()
        # The worker decodes chunks, so the body has a length instead.
        if key.startswith("HTTP_") and key != "HTTP_TRANSFER_ENCODING"
    }
    seen |= {"scheme": environ["wsgi.url_scheme"], "body": body.decode("latin-1")}
    answer = json.dumps(seen).encode()
    if environ["PATH_INFO"] == "/late":
        # Like an exceeded deadline, not an `Exception`.
        raise SystemExit
    if environ["PATH_INFO"] == "/slow":
        time.sleep(float(environ["QUERY_STRING"]))
    if environ["PATH_INFO"] == "/livez":
        answer = b"ok\n"
    if environ["PATH_INFO"] in {"/large", "/streamed"}:
        answer = b"x" * int(environ["QUERY_STRING"])
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    kinds: dict[str, type[list[bytes]]] = {
        "/broken": Broken,
        "/exit": Fatal,
        "/streamed": Streamed,
    }
    return kinds.get(environ["PATH_INFO"], list)([answer])
