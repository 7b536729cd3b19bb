"""The HTTP client of deliveries: to checked addresses only, and bounded in time and size."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from core.bounded_connections import (
    AddressRefusedError,
    BoundedBackend,
    NameNotResolvedError,
    TLSFailedError,
    connection_pool,
    ending_within,
)
from core.spans import carry, span
from users.webhooks.addresses import is_allowed
from users.webhooks.states import WebhookDeliveryError

# For all of a request with its response.
TOTAL_SECONDS: Final = 15.0
# A larger response is not read, and its connection not used again.
MAX_BODY_BYTES: Final = 4_096
# A response that has no length, as it has no body (RFC 9110, 15.3.5).
NO_CONTENT: Final = 204
# Requests of one batch at the same time.
PARALLEL: Final = 8
# How often a batch that takes long is asked for.
CHECK_SECONDS: Final = 1.0

# The first that applies.
FAILURES: Final = {
    AddressRefusedError: WebhookDeliveryError.ADDRESS_REFUSED,
    NameNotResolvedError: WebhookDeliveryError.NAME_NOT_RESOLVED,
    TLSFailedError: WebhookDeliveryError.TLS_FAILED,
    httpcore.TimeoutException: WebhookDeliveryError.TIMED_OUT,
    httpcore.NetworkError: WebhookDeliveryError.CONNECTION_FAILED,
    httpcore.ProtocolError: WebhookDeliveryError.RESPONSE_INVALID,
}


class UnwantedError(Exception):
    """Requests were given up before they ended."""


class Request(NamedTuple):
    """A request to send."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended; without an error it was successful."""

    error: WebhookDeliveryError | None = None
    status_code: int | None = None
    duration_ms: int | None = None
    # What the receiver asks for, in seconds.
    retry_after: int | None = None


class Sender:
    """Sends requests, with connections that are used again until it is closed."""

    def __init__(self) -> None:
        """Start without connections."""
        self._backend = BoundedBackend(is_allowed)
        self._pool = connection_pool(PARALLEL, self._backend)
        self._threads = ThreadPoolExecutor(PARALLEL, "webhook-sender")

    def send_all(
        self, requests: Iterable[Request], is_wanted: Callable[[], bool] = lambda: True
    ) -> list[Outcome]:
        """Send requests side by side; return the outcomes in their order.

        Raises `UnwantedError` when they are no longer wanted, however long a receiver hangs.
        """
        send = carry(self._send)
        sent = [self._threads.submit(send, each) for each in requests]
        while wait(sent, CHECK_SECONDS).not_done:
            if not is_wanted():
                raise UnwantedError
        return [each.result() for each in sent]

    def _send(self, request: Request) -> Outcome:
        started = monotonic()
        status = retry_after = None
        try:
            with (
                ending_within(TOTAL_SECONDS),
                span("send webhook", host=urlsplit(request.url).hostname),
            ):
                status, retry_after = self._post(request)
            error = _refusal(status)
        except tuple(FAILURES) as failure:
            error = next(kind for type_, kind in FAILURES.items() if isinstance(failure, type_))
        return Outcome(error, status, int((monotonic() - started) * 1_000), retry_after)

    def _post(self, request: Request) -> tuple[int, int | None]:
        """Return the status and `Retry-After`. Raises errors of httpcore."""
        headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", f"Roster/{settings.VERSION}"),
            *request.headers.items(),
        ]
        with self._pool.stream(
            "POST", request.url, headers=headers, content=request.body
        ) as response:
            received = {name.lower(): value for name, value in response.headers}
            # The status decides; the body is only read for the connection to be used again.
            is_short = _number(received.get(b"content-length"), MAX_BODY_BYTES) is not None
            if is_short or response.status == NO_CONTENT:
                with suppress(*FAILURES):
                    _drain(response)
            return response.status, _number(received.get(b"retry-after"), 86_400)

    def __enter__(self) -> Self:
        """Return the sender."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close all connections, also those that are in use."""
        self._backend.disconnect()
        self._threads.shutdown()
        self._pool.close()


def _drain(response: httpcore.Response) -> None:
    """Read a short body; `Transfer-Encoding` overrides the length that was announced."""
    size = 0
    for part in response.iter_stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            return


def _refusal(status: int) -> WebhookDeliveryError | None:
    if 200 <= status < 300:  # noqa: PLR2004 - the successful ones (RFC 9110)
        return None
    is_redirect = 300 <= status < 400  # noqa: PLR2004
    return WebhookDeliveryError.REDIRECTED if is_redirect else WebhookDeliveryError.STATUS_REFUSED


def _number(text: bytes | None, limit: int) -> int | None:
    """Return a header's number; None if there is none up to the limit."""
    if text is None or not text.isdigit() or len(text) > len(str(limit)):
        return None
    number = int(text)
    return number if number <= limit else None
