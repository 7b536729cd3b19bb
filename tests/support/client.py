"""GraphQL clients over Django's handler and over real HTTP."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any, TypeVar

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.client import ClientHandler

from core.web.fast_path import answer
from core.web.operations import is_operation

JSON = "application/json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the endpoint."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        """The data; asserts that there are no errors."""
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        """The codes of the top-level errors."""
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The codes and field paths of the single mutation's `errors`."""
        (payload,) = self.data.values()
        return [(error["code"], ".".join(error["field"] or ())) for error in payload["errors"]]


class ServiceHandler(ClientHandler):
    """Django's handler for tests, with the fast path for operations if it is enabled."""

    def get_response(self, request: WSGIRequest) -> HttpResponseBase:  # type: ignore[override]
        if settings.FAST_PATH and is_operation(request):
            return answer(request).to_response()
        return super().get_response(request)


class ServiceClient(Client):
    """Django's test client for the service as deployed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.handler = ServiceHandler(enforce_csrf_checks=self.handler.enforce_csrf_checks)


class GraphQLClient:
    """A client of the endpoint, anonymous until it has a token or a cookie."""

    def __init__(self, token: str | None = None) -> None:
        self.http = ServiceClient()
        self.token = token

    def __call__(self, query: str, /, **variables: Any) -> Answer:
        return self.post(json.dumps({"query": query, "variables": variables}))

    def debug(self, query: str, /, **variables: Any) -> Answer:
        """Send an operation that asks for `extensions.debug`."""
        extensions = {"debug": True}
        return self.post(
            json.dumps({"query": query, "variables": variables, "extensions": extensions})
        )

    def post(self, body: str | bytes, content_type: str = JSON, **headers: str) -> Answer:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        response = self.http.generic("POST", "/graphql", body, content_type, headers=headers)
        # The request id is random.
        received = {k: v for k, v in response.headers.items() if k != "X-Request-ID"}
        return Answer(response.status_code, json.loads(response.content), received)

    def upload(self, query: str, file: bytes) -> Answer:
        """Send an operation with a file as `$image`."""
        operations = json.dumps({"query": query, "variables": {"image": None}})
        places = b'{"0": ["variables.image"]}'
        return self.form(("operations", operations.encode()), ("map", places), ("0", file))

    def form(self, *parts: tuple[str, bytes], **headers: str) -> Answer:
        """Send a multipart form; parts named by a number are files."""
        lines = b""
        for name, content in parts:
            file = f'; filename="{name}.jpg"' if name.isdigit() else ""
            lines += f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
            lines += content + b"\r\n"
        headers = {"GraphQL-Require-Preflight": "1"} | headers
        return self.post(lines + b"--x--\r\n", "multipart/form-data; boundary=x", **headers)


class HTTPClient:
    """A client of the endpoint over a socket, for end-to-end tests."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/graphql"
        self.headers = {"Content-Type": JSON}

    def __call__(self, query: str, /, **variables: Any) -> Answer:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, self.headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return Answer(response.status, json.load(response), dict(response.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, json.load(error), dict(error.headers))


def run_concurrently(*calls: Callable[[], T]) -> list[T]:
    """Run the calls concurrently, each with its own connection; return their results."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(timeout=10)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
