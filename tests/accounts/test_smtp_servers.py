"""Temporary refusals of an SMTP server, and those for a fault of ours."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core.email.smtp_replies import MailDelayedError, MailRefusedError, Stage
from core.outbox.models import OutboxMessage
from core.outbox.tasks import relay
from tests.core.test_outbox import is_pausing, overdue
from tests.support.factories import make_user
from tests.support.refusals import TEXT, marks, reset, shown_addresses
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.accounts import mail_delivery
from users.accounts.models import User


def test_a_temporary_refusal_is_retried_until_it_is_taken(worker: Sink) -> None:
    alice = make_user("alice")
    worker.replies[Stage.RCPT, alice.email] = "450 4.2.0 greylisted"
    reset(alice.email)
    wait_until(lambda: worker.attempts[alice.email] == 1)
    wait_until(is_pausing)
    assert not OutboxMessage.objects.failed().exists()
    assert OutboxMessage.objects.get().attempts == 1
    worker.replies.clear()
    overdue()
    relay()
    assert worker.next()["To"] == alice.email
    wait_until(lambda: not OutboxMessage.objects.exists())
    assert marks() == []


@contextmanager
def server_that_says(*replies: bytes) -> Iterator[int]:
    """Answer each command with the next line, and close the connection afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _address = server.accept()
                except OSError:
                    return
                with client, client.makefile("rb") as commands:
                    for reply in replies:
                        client.sendall(reply + b"\r\n")
                        if not commands.readline():
                            break

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([b"554 5.7.1 your address is blocked"], "SMTPConnectError: 554"),
        ([b"220 x", b"550 5.7.1 bad name", b"550 5.7.1 bad name"], "SMTPHeloError: 550"),
        ([b"220 x", b"250 x", b"530 5.7.0 authenticate first"], "MAIL FROM: 530 5.7.0"),
        ([b"220 x", b"250 x"], "SMTPServerDisconnected"),
        ([b"nonsense"], "SMTPConnectError: -1"),
    ],
)
def test_service_errors_are_retried_and_mark_no_address(
    mails: Sink, settings: Any, alice: User, replies: list[bytes], reason: str
) -> None:
    with server_that_says(*replies) as port:
        settings.EMAIL_PORT = port
        with pytest.raises(MailDelayedError, match=f"^{re.escape(reason)}$"):
            mail_delivery.send_mail(TEXT, to=alice.email)
    assert shown_addresses(alice) == [(alice.email, False)]
    assert marks() == []


@pytest.mark.django_db
def test_refused_sender_is_permanent_and_marks_no_address(
    mails: Sink, settings: Any, alice: User
) -> None:
    refusal = b"550 5.1.1 <no-reply@example.org> unknown"
    with server_that_says(b"220 x", b"250 x", refusal, b"250 x", b"221 x") as port:
        settings.EMAIL_PORT = port
        with pytest.raises(MailRefusedError, match=re.escape("MAIL FROM: 550 5.1.1")):
            mail_delivery.send_mail(TEXT, to=alice.email)
    assert shown_addresses(alice) == [(alice.email, False)]
