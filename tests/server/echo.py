"""A WSGI application that answers with the request as it sees it."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

# The worker takes the largest body from the settings.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

SEEN = ("REQUEST_METHOD", "RAW_URI", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "CONTENT_TYPE")


class Broken(list[bytes]):
    """An answer that cannot be closed."""

    def close(self) -> None:
        """Fail."""
        raise ValueError


class Fatal(list[bytes]):
    """An answer that ends the thread that closes it."""

    def close(self) -> None:
        """End the thread."""
        raise SystemExit


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Tell what arrived.

    ``/large`` answers with as many bytes as the query string says. ``/late`` raises what is no
    `Exception`. ``/broken`` fails when it is told that its answer is not needed any more, and
    ``/exit`` ends the thread then.
    """
    body = environ["wsgi.input"].read()
    seen = {key: environ.get(key) for key in SEEN} | {
        key: value
        for key, value in environ.items()
        # The body has its length; the worker takes chunks apart before the application is asked.
        if key.startswith("HTTP_") and key != "HTTP_TRANSFER_ENCODING"
    }
    seen |= {"scheme": environ["wsgi.url_scheme"], "body": body.decode("latin-1")}
    answer = json.dumps(seen).encode()
    if environ["PATH_INFO"] == "/late":
        # As deadlines are, no `Exception`.
        raise SystemExit
    if environ["PATH_INFO"] == "/large":
        answer = b"x" * int(environ["QUERY_STRING"])
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    kinds: dict[str, type[list[bytes]]] = {"/broken": Broken, "/exit": Fatal}
    return kinds.get(environ["PATH_INFO"], list)([answer])
