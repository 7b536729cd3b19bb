"""An SMTP server that hangs or drips holds a worker for a bounded time."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from smtplib import SMTPServerDisconnected
from typing import Any, Final

import pytest

from core.email import message
from core.email.message import Mail
from core.email.smtp import BoundedSMTP, BoundedSMTPS, EmailBackend
from core.email.smtp_replies import MailDelayedError
from core.email.words import UNVERIFIED_READER
from tests.accounts.test_breached_passwords import self_signed

TEXT = Mail(reader=UNVERIFIED_READER, subject="Hello", paragraphs=["Hello."])
TO = "alice@example.org"
# Greeting, EHLO, MAIL, RCPT, DATA, the mail itself, QUIT.
REPLIES: Final = (b"220 x", b"250 x", b"250 x", b"250 x", b"354 x", b"250 x", b"221 x")
OF_THE_MAIL: Final = 5
OF_QUIT: Final = 6
# A client that waited for all of it would get a reply, and the test fail.
LONGEST_DRIP: Final = 20.0

Wrap = Callable[[socket.socket], socket.socket]


def drip(client: socket.socket, reply: bytes) -> None:
    """Send a byte at a time, long before each read times out."""
    until = time.monotonic() + LONGEST_DRIP
    client.sendall(reply[:4])
    while time.monotonic() < until:
        client.sendall(b".")
        time.sleep(0.05)
    client.sendall(b"\r\n")


def hang(client: socket.socket, _reply: bytes) -> None:
    """Send nothing until the client hangs up."""
    client.settimeout(LONGEST_DRIP)
    client.recv(1)


def serve(client: socket.socket, slow: int, reply_slowly: Callable[..., None]) -> None:
    """Hold a conversation, with one slow reply."""
    with client, client.makefile("rb") as commands:
        for number, reply in enumerate(REPLIES):
            if number == slow:
                reply_slowly(client, reply)
            else:
                client.sendall(reply + b"\r\n")
            if number == OF_THE_MAIL - 1:
                while commands.readline() not in (b".\r\n", b""):
                    pass
            elif not commands.readline():
                return


@contextmanager
def slow_server(
    slow: int, reply_slowly: Callable[..., None], wrap: Wrap = lambda client: client
) -> Iterator[int]:
    """Serve one client on the port that is yielded."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                client, _address = server.accept()
                serve(wrap(client), slow, reply_slowly)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(LONGEST_DRIP * 2)


@pytest.fixture
def smtp(settings: Any) -> Any:
    settings.EMAIL_BACKEND = "core.email.smtp.EmailBackend"
    return settings


@pytest.mark.parametrize("slow", range(OF_THE_MAIL + 1))
def test_dripping_replies_end_with_the_time_limit(smtp: Any, slow: int) -> None:
    smtp.EMAIL_TIME_LIMIT = 0.5
    with slow_server(slow, drip) as port:
        smtp.EMAIL_PORT = port
        with pytest.raises(MailDelayedError, match=r"^SMTPServerDisconnected$"):
            message.send(TEXT, to=TO)


@pytest.mark.parametrize("slow", [0, 1, OF_THE_MAIL])
def test_a_server_that_hangs_ends_with_the_time_out(smtp: Any, slow: int) -> None:
    smtp.EMAIL_TIMEOUT = 0.3
    with slow_server(slow, hang) as port:
        smtp.EMAIL_PORT = port
        with pytest.raises((MailDelayedError, OSError)):
            message.send(TEXT, to=TO)


@pytest.mark.parametrize("reply_slowly", [drip, hang])
def test_after_the_mail_was_accepted_nothing_is_an_error(
    smtp: Any, reply_slowly: Callable[..., None]
) -> None:
    smtp.EMAIL_TIMEOUT, smtp.EMAIL_TIME_LIMIT = 1, 3
    with slow_server(OF_QUIT, reply_slowly) as port:
        smtp.EMAIL_PORT = port
        message.send(TEXT, to=TO)


def test_dripping_replies_end_over_tls(smtp: Any, tmp_path: Path) -> None:
    smtp.EMAIL_TIME_LIMIT = 0.5
    certificate = self_signed(tmp_path / "certificate.pem")
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate)
    theirs = ssl.create_default_context(cafile=certificate)
    with (
        slow_server(1, drip, lambda client: ours.wrap_socket(client, server_side=True)) as port,
        BoundedSMTPS("127.0.0.1", port, timeout=10, context=theirs) as client,
        pytest.raises(SMTPServerDisconnected),
    ):
        client.ehlo()


def test_connections_are_bounded_with_and_without_tls() -> None:
    assert EmailBackend(use_ssl=False).connection_class is BoundedSMTP
    assert EmailBackend(use_ssl=True).connection_class is BoundedSMTPS
