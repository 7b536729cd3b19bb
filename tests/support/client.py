"""A GraphQL client, over Django's handler or over real HTTP."""

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
        """The data, of an answer that must have no errors."""
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        """The codes of the top-level errors."""
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What the payload of the one mutation says is wrong: codes, and paths of fields."""
        (payload,) = self.data.values()
        return [(error["code"], ".".join(error["field"] or ())) for error in payload["errors"]]


class ServiceHandler(ClientHandler):
    """Django's handler for tests, with operations answered on their fast path if that is on."""

    def get_response(self, request: WSGIRequest) -> HttpResponseBase:  # type: ignore[override]
        if settings.FAST_PATH and is_operation(request):
            return answer(request).to_response()
        return super().get_response(request)


class ServiceClient(Client):
    """Django's client for tests, of the service as it is deployed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.handler = ServiceHandler(enforce_csrf_checks=self.handler.enforce_csrf_checks)


class GraphQLClient:
    """Speaks to the endpoint as one client, anonymous until it has a token or a cookie."""

    def __init__(self, token: str | None = None) -> None:
        self.http = ServiceClient()
        self.token = token

    def __call__(self, query: str, /, **variables: Any) -> Answer:
        return self.post(json.dumps({"query": query, "variables": variables}))

    def post(self, body: str | bytes, content_type: str = JSON, **headers: str) -> Answer:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        response = self.http.generic("POST", "/graphql", body, content_type, headers=headers)
        # The request id is random.
        received = {k: v for k, v in response.headers.items() if k != "X-Request-ID"}
        return Answer(response.status_code, json.loads(response.content), received)

    def upload(self, query: str, file: bytes) -> Answer:
        """Send a file with an operation, as `$image`."""
        operations = json.dumps({"query": query, "variables": {"image": None}})
        places = b'{"0": ["variables.image"]}'
        return self.form(("operations", operations.encode()), ("map", places), ("0", file))

    def form(self, *parts: tuple[str, bytes], **headers: str) -> Answer:
        """Send a form of these parts; those with a number for a name are files."""
        lines = b""
        for name, content in parts:
            file = f'; filename="{name}.jpg"' if name.isdigit() else ""
            lines += f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
            lines += content + b"\r\n"
        headers = {"GraphQL-Require-Preflight": "1"} | headers
        return self.post(lines + b"--x--\r\n", "multipart/form-data; boundary=x", **headers)


class HTTPClient:
    """The same over a socket, for the journeys."""

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
    """Make the calls at the same time, each with its own connection; return their answers."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(timeout=10)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
