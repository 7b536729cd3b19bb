"""Failed messages of the outbox: kept, counted, retried and deleted."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from kombu.transport.redis import Channel

from core.outbox.models import FAILING_AFTER, OutboxMessage
from core.outbox.queues import Queue
from core.outbox.tasks import prune_failed, relay
from tests.admin.support import list_url, make_administrator, sign_in
from tests.support.captured import bound_statements
from tests.support.celery_workers import Workers
from tests.support.plans import plan_of
from tests.support.service_processes import environ_of_tests
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.activity.models import Event
from users.activity.tags import Tag


def fail_some(count: int) -> list[OutboxMessage]:
    return OutboxMessage.objects.bulk_create(
        OutboxMessage(
            subscriber="users.accounts.tasks.mail_sign_up",
            payload={"event_id": "00000000-0000-0000-0000-000000000000"},
            queue=Queue.MAIL,
            dispatch_at=None,
            failed_at=timezone.now(),
            failure="DATA: 554 5.7.1",
        )
        for _number in range(count)
    )


@pytest.mark.django_db
def test_failed_messages_are_kept_for_a_bounded_time(settings: Any) -> None:
    old, young = fail_some(2)
    past = timezone.now() - settings.OUTBOX_FAILED_TTL
    OutboxMessage.objects.filter(pk=old.pk).update(failed_at=past)
    prune_failed()
    assert list(OutboxMessage.objects.all()) == [young]


@pytest.mark.django_db
def test_metrics_count_them(client: Client) -> None:
    fail_some(2)
    text = client.get("/metrics").content.decode()
    assert 'outbox_messages{queue="mail",state="failed"} 2.0' in text
    assert 'outbox_messages{queue="mail",state="due"} 0.0' in text
    assert 'outbox_messages{queue="default",state="failed"} 0.0' in text


def fail_repeatedly(message: OutboxMessage) -> None:
    """Have a message fail so often that operators look at it; attempts continue."""
    later = timezone.now() + timedelta(minutes=5)
    OutboxMessage.objects.filter(pk=message.pk).update(
        failed_at=None,
        attempts=FAILING_AFTER,
        failing_since=timezone.now(),
        retry_at=later,
        dispatch_at=later,
    )


def outbox(*arguments: object) -> tuple[str, str]:
    """Run `manage.py outbox`; return what it writes, and its errors."""
    output, errors = StringIO(), StringIO()
    call_command("outbox", *map(str, arguments), stdout=output, stderr=errors)
    return output.getvalue(), errors.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_command_shows_and_retries_them(mails: Sink, workers: Workers) -> None:
    first, second, third = fail_some(3)
    shown, _none = outbox()
    assert shown.startswith("mail\tfailed\t3\n")
    assert "default" not in shown
    assert re.search(r"\n3 failed since .*\tusers\..*mail_sign_up\tDATA: 554 5\.7\.1\n", shown)
    listed, _none = outbox("failed")
    assert [line.split("\t")[0] for line in listed.splitlines()] == [
        str(each.pk) for each in (third, second, first)
    ]
    another = "users.accounts.tasks.mail_invitation"
    assert outbox("failed", "--subscriber", another) == ("", "")

    for arguments in ([], [first.pk, "--all"], ["--subscriber", "x", "--all"]):
        for action in ("retry", "drop"):
            with pytest.raises(CommandError):
                outbox(action, *arguments)
    assert outbox("retry", first.pk, third.pk + 1) == (
        "retry: 1 of 2 messages.\n",
        f"{third.pk + 1}: There is no such failed message.\n",
    )
    assert set(OutboxMessage.objects.failed()) == {second, third}
    assert outbox("retry", "--subscriber", another) == ("retry: 0 of 0 messages.\n", "")
    assert outbox("retry", "--all") == ("retry: 2 of 2 messages.\n", "")
    retried = OutboxMessage.objects.due().filter(pk__in=[first.pk, second.pk, third.pk])
    assert retried.count() == 3
    assert Event.objects.filter(tag=Tag.OUTBOX_MESSAGE_RETRIED).count() == 3
    # The event was deleted, so there is nothing to mail.
    with workers.running():
        relay()
        wait_until(lambda: not OutboxMessage.objects.exists())
    assert mails.is_empty()


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["failing", "failed", "retry", "drop"])
def test_the_command_lists_subscribers_if_one_is_unknown(action: str) -> None:
    (message,) = fail_some(1)
    OutboxMessage.objects.update(subscriber="of.another.release")
    if action == "failing":
        fail_repeatedly(message)
    with pytest.raises(CommandError) as caught:
        outbox(action, "--subscriber", "mail_sign_up")
    _problem, *names = str(caught.value).splitlines()
    assert {"users.accounts.tasks.mail_sign_up", "of.another.release"} < set(names)
    assert names == sorted(names)
    assert OutboxMessage.objects.get() == message


@pytest.mark.django_db
def test_the_command_lists_failing_messages() -> None:
    assert outbox() == ("No messages are due, failing or failed.\n", "")
    failing, killing, _failed = fail_some(3)
    fail_repeatedly(failing)
    fail_repeatedly(killing)
    OutboxMessage.objects.filter(pk=killing.pk).update(failing_since=None, failure="")
    assert outbox()[0].startswith("mail\tfailing\t2\nmail\tfailed\t1\n")
    listed, _none = outbox("failing")
    since, reason = rf"{timezone.now():%Y}-.*", r"DATA: 554 5\.7\.1"
    assert re.search(rf"{failing.pk}\t{since}\tusers\..*\t5 attempts\t{reason}\n", listed)
    assert re.search(rf"{killing.pk}\t-\tusers\..*\t5 attempts\t\n", listed)
    assert len(listed.splitlines()) == 2
    assert outbox("failing", "--subscriber", "users.accounts.tasks.mail_invitation") == ("", "")


@pytest.mark.django_db
def test_a_queue_that_stands_still_is_due(client: Client, broker_channel: Channel) -> None:
    messages = [
        OutboxMessage(subscriber="x", payload={}, queue=Queue.MAIL, dispatch_at=timezone.now())
        for _number in range(4)
    ]
    OutboxMessage.objects.bulk_create(messages)
    OutboxMessage.objects.update(created_at=timezone.now() - timedelta(hours=1))
    claimed, pausing, *_waiting = messages
    assert OutboxMessage.objects.claim(claimed.pk)
    OutboxMessage.objects.filter(pk=pausing.pk).update(
        attempts=1, retry_at=timezone.now() + timedelta(minutes=1)
    )
    # No worker takes what it dispatches.
    relay()
    assert broker_channel._size(Queue.MAIL) > 0  # noqa: SLF001 - the public way declares the queue
    text = client.get("/metrics").content.decode()
    assert 'outbox_messages{queue="mail",state="due"} 2.0' in text
    assert re.fullmatch(r"mail\tdue\t2\nmail\toldest\t36\d\d s\n", outbox()[0])
    # The worker that claimed one was stopped, too.
    OutboxMessage.objects.filter(pk=claimed.pk).update(claimed_until=timezone.now())
    assert outbox()[0].startswith("mail\tdue\t3\n")


@pytest.mark.django_db
def test_due_messages_are_counted_without_those_that_pause(client: Client) -> None:
    later = timezone.now() + timedelta(minutes=30)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            subscriber="x",
            payload={},
            queue=Queue.MAIL,
            attempts=number and 1,
            retry_at=later if number else None,
            dispatch_at=later if number else timezone.now(),
        )
        for number in range(5_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE outbox_outboxmessage")
    with bound_statements() as statements:
        text = client.get("/metrics").content.decode()
    assert 'outbox_messages{queue="mail",state="due"} 1.0' in text
    (counted,) = (each for each in statements if "claimed_until" in each and "'mail'" in each)
    plan = plan_of(counted)
    assert (plan.rows, plan.indexes) == (1, {"outbox_queue_due"})


@pytest.mark.django_db
def test_a_reader_that_leaves_is_no_fault() -> None:
    command = [sys.executable, "manage.py", "outbox"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as output:
        done = subprocess.run(
            command, env=environ_of_tests(), stdout=output, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.django_db(transaction=True)
def test_the_command_drops_them() -> None:
    first, *others = fail_some(3)
    waiting = OutboxMessage.objects.create(subscriber="x", payload={}, dispatch_at=timezone.now())
    assert outbox("drop", first.pk, waiting.pk)[0] == "drop: 1 of 2 messages.\n"
    assert set(OutboxMessage.objects.all()) == {*others, waiting}
    subscriber = "users.accounts.tasks.mail_sign_up"
    assert outbox("drop", "--subscriber", subscriber)[0] == "drop: 2 of 2 messages.\n"
    assert list(OutboxMessage.objects.all()) == [waiting]
    dropped = Event.objects.filter(tag=Tag.OUTBOX_MESSAGE_DROPPED).order_by("pk")
    assert [each.data["message"] for each in dropped] == [each.pk for each in (first, *others)]


@pytest.mark.django_db(transaction=True)
def test_many_are_retried_by_selection(client: Client) -> None:
    first, second, third = fail_some(3)
    waiting = OutboxMessage.objects.create(subscriber="x", payload={}, dispatch_at=timezone.now())
    sign_in(client, make_administrator())
    page = client.get(list_url(OutboxMessage), {"state": "failed", "queue": "mail"})
    assert "retry_selected" in page.content.decode()

    def retry(*selected: OutboxMessage) -> str:
        chosen = {"action": "retry_selected", "_selected_action": [each.pk for each in selected]}
        answer = client.post(list_url(OutboxMessage), chosen, follow=True)
        return answer.content.decode()

    assert "2 messages are being delivered again." in retry(first, third, waiting)
    assert list(OutboxMessage.objects.failed()) == [second]
    assert "This failed message does not exist." in retry(waiting)
    assert list(OutboxMessage.objects.failed()) == [second]

    url = f"/admin/outbox/outboxmessage/{second.pk}/drop/"
    assert client.post(url, {"_form_submitted": "1"}).status_code == 302
    assert not OutboxMessage.objects.filter(pk=second.pk).exists()
    assert OutboxMessage.objects.due().count() == 3
