"""Lookup of breached passwords, and behaviour during an outage of the service."""

import datetime as dt
import gzip
import hashlib
import ipaddress
import logging
import ssl
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.dev.ports import free_port
from tests.accounts.test_sign_up import SIGN_UP
from tests.authentication.test_passwords import NEW, ClientOf, change
from tests.support.client import GraphQLClient
from tests.support.logs import written_lines
from users.accounts.models import User
from users.accounts.validators import breached_passwords_client

DIGEST = hashlib.sha1(NEW.encode()).hexdigest().upper()  # noqa: S324 - the protocol's
PREFIX, SUFFIX = DIGEST[:5], DIGEST[5:]
PADDING = "".join(f"{number:035X}:0\r\n" for number in range(800))
REFUSED = [("PASSWORD_TOO_WEAK", "newPassword")]
VALIDATOR = {"NAME": "users.accounts.validators.BreachedPasswordValidator"}

Reply = Callable[[BaseHTTPRequestHandler], None]


class Service(ThreadingHTTPServer):
    """A fake range API that records requests and returns a configured response."""

    daemon_threads = True
    reply: Reply

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.connections: set[Any] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/range/"

    def answer(self, text: str, status: int = 200, **headers: str) -> None:
        """Set the response to all requests."""

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
        self.server.connections.add(self.client_address)
        self.server.asked.append((self.path, headers["Add-Padding"], headers["User-Agent"]))
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.reply(self)

    def log_message(self, *_args: Any) -> None:
        """Suppress the log."""


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    with Service() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        settings.BREACHED_PASSWORDS_URL = server.url
        settings.AUTH_PASSWORD_VALIDATORS = [*settings.AUTH_PASSWORD_VALIDATORS, VALIDATOR]
        yield server
        breached_passwords_client().close()
        breached_passwords_client.cache_clear()
        server.shutdown()


def warned(caplog: pytest.LogCaptureFixture) -> bool:
    """Return True if a warning was logged; it must not contain the prefix."""
    for secret in (NEW, DIGEST, PREFIX, SUFFIX):
        assert secret.lower() not in written_lines(caplog).lower()
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
def test_malformed_responses_are_ignored(
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
    """Send no response."""
    time.sleep(4)


def drip_headers(request: BaseHTTPRequestHandler) -> None:
    """Send a byte before each read timeout."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _time in range(40):
        request.wfile.write(b".")
        time.sleep(0.1)


def drip(request: BaseHTTPRequestHandler) -> None:
    """Send an endless response."""
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
def test_password_is_accepted_if_the_service_is_down(
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


def test_compressed_answer_is_not_decompressed(
    client_of: ClientOf, alice: User, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    compressed = gzip.compress(f"{SUFFIX}:1\r\n".encode() + b" " * 50_000_000)
    accepted = []

    def bomb(request: BaseHTTPRequestHandler) -> None:
        accepted.append(request.headers["Accept-Encoding"])
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.end_headers()
        request.wfile.write(compressed)

    service.reply = bomb
    client = client_of(alice)
    tracemalloc.start()
    try:
        assert change(client) == []
        _current, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert warned(caplog)
    assert accepted == ["identity"]
    assert peak < 20_000_000


def self_signed(file: Path) -> Path:
    """Write a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "range API")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.mark.parametrize("is_trusted", [True, False])
def test_certificate_is_verified_by_the_systems_authorities(
    client_of: ClientOf,
    alice: User,
    service: Service,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    is_trusted: bool,  # noqa: FBT001
) -> None:
    certificate = self_signed(tmp_path / "certificate.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    service.socket = context.wrap_socket(service.socket, server_side=True)
    service.answer(f"{SUFFIX}:1")
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.BREACHED_PASSWORDS_URL = service.url.replace("http:", "https:")
    assert change(client_of(alice)) == (REFUSED if is_trusted else [])
    assert len(service.asked) == is_trusted
    assert warned(caplog) is not is_trusted


def test_connection_is_kept_for_the_next_password(
    client_of: ClientOf, alice: User, bob: User, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "protocol_version", "HTTP/1.1")

    def reply(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "0")
        request.end_headers()

    service.reply = reply
    for user in (alice, bob):
        assert change(client_of(user)) == []
    assert len(service.asked) == 2
    assert len(service.connections) == 1


def test_proxy_that_is_not_supported_is_no_service(
    client_of: ClientOf,
    alice: User,
    service: Service,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
        environment.delenv("NO_PROXY", raising=False)
        environment.delenv("no_proxy", raising=False)
        assert change(client_of(alice)) == []
    assert service.asked == []
    assert warned(caplog)


def test_sign_ups_over_the_limit_look_nothing_up(
    anonymous: GraphQLClient, service: Service, settings: Any, db: None
) -> None:
    settings.MAILS_PER_NETWORK = 10
    service.answer("")
    fields = {"email": "nina@example.org", "username": "x", "password": NEW}
    for _attempt in range(10):
        assert anonymous(SIGN_UP, input=fields).codes == []
    looked_up = len(service.asked)
    assert anonymous(SIGN_UP, input=fields).codes == ["TOO_MANY_ATTEMPTS"]
    assert len(service.asked) == looked_up == 10
