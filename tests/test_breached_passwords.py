"""Asking a service whether a password is known from a breach, and doing without it."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.client import GraphQLClient
from tests.environment import free_port
from tests.test_passwords import NEW, ClientOf, change
from tests.test_sign_up import SIGN_UP
from users.accounts.models import User

DIGEST = hashlib.sha1(NEW.encode()).hexdigest().upper()  # noqa: S324 - the protocol's
PREFIX, SUFFIX = DIGEST[:5], DIGEST[5:]
PADDING = "".join(f"{number:035X}:0\r\n" for number in range(800))
REFUSED = [("PASSWORD_TOO_WEAK", "newPassword")]
VALIDATOR = {"NAME": "users.accounts.validators.BreachedPasswordValidator"}

Reply = Callable[[BaseHTTPRequestHandler], None]


class Service(ThreadingHTTPServer):
    """A range API that remembers what it was asked, and answers as told."""

    daemon_threads = True
    reply: Reply

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/range/"

    def answer(self, text: str, status: int = 200, **headers: str) -> None:
        """Answer all requests so."""

        def reply(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(text.encode())

        self.reply = reply


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        headers = self.headers
        self.server.asked.append((self.path, headers["Add-Padding"], headers["User-Agent"]))
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.reply(self)

    def log_message(self, *_args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    with Service() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        settings.BREACHED_PASSWORDS_URL = server.url
        settings.AUTH_PASSWORD_VALIDATORS = [*settings.AUTH_PASSWORD_VALIDATORS, VALIDATOR]
        yield server
        server.shutdown()


def warned(caplog: pytest.LogCaptureFixture) -> bool:
    """Tell whether a warning was logged, which must not say what was looked up."""
    for secret in (NEW, DIGEST, PREFIX, SUFFIX):
        assert secret.lower() not in caplog.text.lower()
    return [record.levelno for record in caplog.records if "breached" in record.message] == [
        logging.WARNING
    ]


@pytest.mark.parametrize("line", [f"{SUFFIX}:1", f"{SUFFIX.lower()}:2438171"])
def test_known_password_is_refused(
    client_of: ClientOf, alice: User, service: Service, line: str
) -> None:
    service.answer(f"{PADDING}{line}\r\n{'F' * 35}:3")
    assert change(client_of(alice)) == REFUSED
    assert service.asked == [(f"/range/{PREFIX}", "true", "Roster/0.1.0")]
    alice.refresh_from_db()
    assert not alice.check_password(NEW)


def test_known_password_is_refused_at_sign_up(anonymous: GraphQLClient, service: Service) -> None:
    service.answer(f"{SUFFIX}:1")
    fields = {"email": "nina@example.org", "username": "nina", "password": NEW}
    answer = anonymous(SIGN_UP, input=fields)
    assert answer.problems == [("PASSWORD_TOO_WEAK", "password")]
    message = "Your password can’t be one that is known from a data breach."
    assert answer.data["signUp"]["errors"][0]["message"] == message


@pytest.mark.parametrize("text", ["", PADDING, f"{SUFFIX}:0", f"{SUFFIX[:-1]}:9", f"F{SUFFIX}:9"])
def test_unknown_password_is_accepted(
    client_of: ClientOf,
    alice: User,
    service: Service,
    text: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service.answer(text)
    assert change(client_of(alice)) == []
    assert len(service.asked) == 1
    assert not warned(caplog)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (f"{SUFFIX}:1", 404),
        (f"{SUFFIX}:1", 429),
        (f"{SUFFIX}:1", 503),
        (f"{SUFFIX}:many", 200),
        ("<html>no such page</html>", 200),
        ("\N{SNOWMAN}:1", 200),
        (f"{SUFFIX}:1\r\n" + PADDING * 17, 200),
    ],
    ids=["404", "429", "503", "no number", "a page", "no ASCII", "too long"],
)
def test_nonsense_is_no_answer(
    client_of: ClientOf,
    alice: User,
    service: Service,
    text: str,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service.answer(text, status)
    assert change(client_of(alice)) == []
    assert warned(caplog)


@pytest.mark.parametrize("scheme", ["http", "file", "ftp"])
def test_redirects_are_not_followed(
    client_of: ClientOf,
    alice: User,
    service: Service,
    scheme: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = f"{service.url}elsewhere" if scheme == "http" else f"{scheme}:///etc/hostname"
    service.answer("", 302, Location=target)
    assert change(client_of(alice)) == []
    assert len(service.asked) == 1
    assert warned(caplog)


def hang(_request: BaseHTTPRequestHandler) -> None:
    """Say nothing."""
    time.sleep(4)


def drip_headers(request: BaseHTTPRequestHandler) -> None:
    """Never quite be silent."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _time in range(40):
        request.wfile.write(b".")
        time.sleep(0.1)


def drip(request: BaseHTTPRequestHandler) -> None:
    """Never come to an end."""
    request.send_response(200)
    request.end_headers()
    for _time in range(40):
        request.wfile.write(b"F")
        time.sleep(0.1)


@pytest.mark.parametrize("reply", [hang, drip_headers, drip])
def test_slow_service_is_waited_for_two_seconds(
    client_of: ClientOf,
    alice: User,
    service: Service,
    reply: Reply,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service.reply = reply
    client = client_of(alice)
    began = time.monotonic()
    assert change(client) == []
    assert 1.9 < time.monotonic() - began < 3.5
    assert warned(caplog)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_password_is_accepted_if_nobody_is_there(
    client_of: ClientOf,
    alice: User,
    service: Service,
    settings: Any,
    host: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.BREACHED_PASSWORDS_URL = f"http://{host}:{free_port()}/"
    assert change(client_of(alice)) == []
    assert warned(caplog)
    alice.refresh_from_db()
    assert alice.check_password(NEW)
