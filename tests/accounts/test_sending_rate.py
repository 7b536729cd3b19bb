"""MAILS_PER_MINUTE: mails beyond it wait for their turn, which is no failed attempt."""

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from core.email.message import Mail
from core.email.words import UNVERIFIED_READER
from core.outbox.errors import PostponedError
from core.outbox.models import OutboxMessage
from core.outbox.tasks import relay
from tests.core.test_outbox import overdue
from tests.support.factories import make_user
from tests.support.refusals import reset
from tests.support.service_processes import celery_worker
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.accounts.mail_delivery import send_mail
from users.accounts.models import User

NOTICE = Mail(reader=UNVERIFIED_READER, subject="Something happened", paragraphs=["It did."])
AWAITED = Mail(reader=UNVERIFIED_READER, subject="Your link", paragraphs=["#"], is_awaited=True)


def delay(text: Mail, to: User) -> float:
    """Send a mail; return 0, or for how many seconds it is postponed."""
    try:
        send_mail(text, to=to.email)
    except PostponedError as error:
        return error.delay.total_seconds()
    return 0


@pytest.mark.django_db
def test_postponed_mails_queue_up(mails: Sink, settings: Any, alice: User) -> None:
    settings.MAILS_PER_MINUTE = 8
    delays = [delay(AWAITED, alice) for _number in range(6)]
    # A quarter of a minute's mails at once, and then one in 7.5 seconds.
    assert delays[:2] == [0, 0]
    assert mails.mails.qsize() == 2
    assert 1 <= delays[2] <= 8
    for shorter, longer in pairwise(delays[2:]):
        assert shorter < longer < shorter + 8
    assert mails.attempts[alice.email] == 2


@pytest.mark.django_db
def test_no_mail_is_postponed_by_more_than_an_hour(mails: Sink, settings: Any, alice: User) -> None:
    settings.MAILS_PER_MINUTE = 1
    delays = [delay(AWAITED, alice) for _number in range(70)]
    assert max(delays) == 3_600
    assert delays.count(0) == 1


@pytest.mark.django_db
def test_notices_leave_room_for_mails_that_are_awaited(
    mails: Sink, settings: Any, alice: User
) -> None:
    settings.MAILS_PER_MINUTE = 16
    notices = [delay(NOTICE, alice) for _number in range(20)]
    assert notices.count(0) == 2
    awaited = [delay(AWAITED, alice) for _number in range(3)]
    assert [bool(seconds) for seconds in awaited] == [False, False, True]
    # They do not queue behind the notices.
    assert awaited[2] < min(seconds for seconds in notices if seconds)


@pytest.mark.django_db
def test_by_default_nothing_is_counted(mails: Sink, alice: User) -> None:
    assert [delay(NOTICE, alice) for _number in range(5)] == [0] * 5


@pytest.mark.django_db(transaction=True)
def test_workers_share_the_limit_and_send_all_mails_in_time(mails: Sink) -> None:
    users = [make_user(f"user-{number}") for number in range(3)]
    with celery_worker(MAILS_PER_MINUTE="1"):
        for user in users:
            reset(user.email)
        first = mails.next()
        # One after the other: in one minute, and in two.
        second_minute = timezone.now() + dt.timedelta(seconds=90)
        messages = OutboxMessage.objects.filter(attempts=0, claimed_until=None)
        wait_until(lambda: messages.filter(dispatch_at__gt=second_minute).exists())
        wait_until(lambda: messages.count() == 2)
        assert messages.filter(dispatch_at__lt=second_minute).count() == 1
        assert mails.is_empty()
        assert not OutboxMessage.objects.failed().exists()
    # With another limit, the waiting ones are sent as soon as they are due.
    overdue()
    with celery_worker():
        relay()
        others = [mails.next(), mails.next()]
        wait_until(lambda: not OutboxMessage.objects.exists())
    assert {first["To"], *(mail["To"] for mail in others)} == {user.email for user in users}
