"""A mail that is delivered twice is the same mail (RFC 5322, section 3.6.4)."""

import os
import re
import signal
from asyncio import Transport
from email.utils import parsedate_to_datetime
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP

from core.email.message_ids import identifying_headers
from core.outbox.current import current_delivery, delivering
from core.outbox.models import OutboxMessage
from core.outbox.tasks import relay
from tests.core.test_outbox import is_pausing, overdue
from tests.support.celery_workers import Workers
from tests.support.factories import make_user
from tests.support.refusals import TEXT, reset
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.accounts.mail_delivery import send_mail
from users.accounts.models import User

MESSAGE_ID = re.compile(r"<[0-9a-f]{32}@mail\.example>")


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_after_the_servers_acceptance_repeats_the_same_mail(
    mails: Sink, workers: Workers
) -> None:
    alice = make_user("alice")
    with workers.running() as pid:
        mails.on_accepted = lambda _server: os.killpg(pid, signal.SIGKILL)
        reset(alice.email)
        first = mails.next()
    message = OutboxMessage.objects.get()
    assert message.attempts == 1
    mails.reset()
    overdue()
    with workers.running():
        relay()
        second = mails.next()
        wait_until(lambda: not OutboxMessage.objects.exists())
    assert mails.is_empty()
    for header in ("Message-ID", "Date", "To", "Subject"):
        assert first[header] == second[header]
    created_at = message.created_at.replace(microsecond=0, tzinfo=None)
    assert parsedate_to_datetime(first["Date"]) == created_at


def test_a_server_that_breaks_after_its_acceptance_gets_the_same_mail_again(worker: Sink) -> None:
    alice = make_user("alice")

    def hang_up(server: SMTP) -> None:
        cast("Transport", server.transport).abort()

    worker.on_accepted = hang_up
    reset(alice.email)
    first = worker.next()
    wait_until(is_pausing)
    assert not OutboxMessage.objects.failed().exists()
    assert OutboxMessage.objects.get().attempts == 1
    worker.reset()
    overdue()
    relay()
    assert worker.next()["Message-ID"] == first["Message-ID"]
    wait_until(lambda: not OutboxMessage.objects.exists())


def test_each_message_has_mails_of_its_own(worker: Sink) -> None:
    alice = make_user("alice")
    reset(alice.email)
    reset(alice.email)
    assert worker.next()["Message-ID"] != worker.next()["Message-ID"]


@pytest.mark.django_db
def test_identity_is_of_the_message_and_the_recipient(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "Roster <no-reply@mail.example>"
    first, second = OutboxMessage.objects.bulk_create(
        OutboxMessage(subscriber="x", payload={}, dispatch_at="2026-01-01T00:00Z")
        for _number in range(2)
    )

    def headers(message: OutboxMessage, to: str) -> dict[str, str]:
        with delivering(OutboxMessage.objects.get(pk=message.pk)):
            return identifying_headers(to)

    known = headers(first, "a@example.org")
    assert headers(first, "a@example.org") == known
    others = (headers(first, "b@example.org"), headers(second, "a@example.org"))
    assert len({known["Message-ID"], *(other["Message-ID"] for other in others)}) == 3
    assert MESSAGE_ID.fullmatch(known["Message-ID"])
    # Without the key, no one can compute it from the id and the address.
    settings.SECRET_KEY = "another key another key another key"
    assert headers(first, "a@example.org")["Message-ID"] != known["Message-ID"]


@pytest.mark.django_db
def test_outside_of_the_outbox_each_mail_is_another(
    mails: Sink, settings: Any, alice: User
) -> None:
    settings.DEFAULT_FROM_EMAIL = "no-reply@mail.example"
    assert current_delivery() is None
    for _number in range(2):
        send_mail(TEXT, to=alice.email)
    first, second = mails.next(), mails.next()
    assert first["Message-ID"] != second["Message-ID"]
    assert MESSAGE_ID.fullmatch(first["Message-ID"])
