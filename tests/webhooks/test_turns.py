"""The order, retries and pauses of deliveries."""

import datetime as dt

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.database.ids import new_id
from core.security.actor import Actor
from tests.support.client import GraphQLClient
from tests.support.factories import make_user, node_id
from tests.support.plans import plan_of
from tests.support.receivers import Received, Receiver, receiving
from tests.support.webhooks import (
    BY_NAME,
    REDELIVER,
    TEST,
    arrived_at,
    created,
    deliver_webhooks,
    happen,
    later,
    log,
    states,
    verified,
)
from users.accounts.models import User
from users.activity.services.record import record
from users.activity.tags import Tag
from users.webhooks.client import PARALLEL
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.states import WebhookDeliveryState
from users.webhooks.tasks import dispatch_webhooks


def waiting() -> list[float]:
    """Return the seconds between the last attempt and the next one of pending deliveries."""
    deliveries = WebhookDelivery.objects.pending().exclude(attempted_at=None).order_by("position")
    times = deliveries.values_list("attempted_at", "next_attempt_at")
    return [(due - attempted).total_seconds() for attempted, due in times if due and attempted]


# Order -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_events_about_one_subject_arrive_in_order(
    administrator: GraphQLClient, local_receivers: None
) -> None:
    """While an earlier one is retried, later ones wait; those about others do not."""
    refused: set[str] = set()

    def answer(received: Received) -> tuple[int, dict[str, str]]:
        return (500 if received.id in refused else 200), {}

    alice, bob = make_user("alice"), make_user("bob")
    with receiving(answer) as receiver:
        _webhook, secret = created(administrator, receiver.url(), selection=BY_NAME)
        for number in range(3):
            happen(alice, number=number)
            happen(bob, number=number)
        dispatch_webhooks()
        refused.add(str(WebhookDelivery.objects.earliest("position").pk))
        deliver_webhooks()
        arrived = arrived_at(receiver, secret)
        assert [each for each in arrived if each[0] == "bob"] == [("bob", n) for n in range(3)]
        assert [each for each in arrived if each[0] == "alice"] == [("alice", 0)]
        del receiver.requests[:]

        later(-3_600)
        deliver_webhooks()
        assert receiver.requests == [], "it is not due yet"
        later(3_610)
        deliver_webhooks()
        assert arrived_at(receiver, secret) == [("alice", 0)]
        refused.clear()
        later(100)
        deliver_webhooks()
        assert arrived_at(receiver, secret)[1:] == [("alice", n) for n in range(3)]
    assert states() == [("succeeded", "")] * 6


@pytest.mark.django_db
def test_later_events_wait_no_longer_than_a_day(
    administrator: GraphQLClient, alice: User, local_receivers: None
) -> None:
    first: list[str] = []

    def answer(received: Received) -> tuple[int, dict[str, str]]:
        first[:] = first or [received.id]
        return (500 if received.id in first else 200), {}

    with receiving(answer) as receiver:
        _webhook, secret = created(administrator, receiver.url(), selection=BY_NAME)
        for number in range(2):
            happen(alice, number=number)
        deliver_webhooks()
        while waits := waiting():
            later(max(waits) + 1)
            deliver_webhooks()
            assert len(receiver.requests) < 30
        assert arrived_at(receiver, secret)[-1] == ("alice", 1)
    assert states() == [("failed", "STATUS_REFUSED"), ("succeeded", "")]
    assert WebhookDelivery.objects.earliest("position").attempts == len(receiver.requests) - 1


@pytest.mark.django_db
def test_finding_a_batch_reads_little_however_many_wait(
    administrator: GraphQLClient, receiver: Receiver
) -> None:
    """Also before the table has statistics."""
    created(administrator, receiver.url())
    for _number in range(100):
        record(Tag.USER_CHANGED, actor=Actor(user_id=None), subject_id=new_id())
    with CaptureQueriesContext(connection) as captured:
        deliver_webhooks()
    assert len(receiver.requests) == 100
    WebhookDelivery.objects.update(
        state=WebhookDeliveryState.PENDING, next_attempt_at=timezone.now()
    )
    sql = next(each["sql"] for each in captured if f"LIMIT {PARALLEL}" in each["sql"])
    assert plan_of(sql).rows <= 10 * PARALLEL


# Retries ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_retries_back_off_for_a_day(
    administrator: GraphQLClient, alice: User, local_receivers: None
) -> None:
    with receiving(lambda _received: (400, {})) as receiver:
        webhook, secret = created(administrator, receiver.url())
        happen(alice)
        delays: list[float] = []
        deliver_webhooks()
        while waits := waiting():
            delays += waits
            later(waits[0] + 0.1)
            deliver_webhooks()
        ids = {received.id for received in receiver.requests}
        for received in receiver.requests:
            verified(received, secret)
    for number, delay in enumerate(delays):
        expected = min(5 * 4**number, 4 * 3_600)
        assert 0.8 * expected <= delay <= 1.2 * expected
    assert 10 <= len(delays) < 15
    assert sum(delays) < 24 * 3_600
    assert len(ids) == 1
    (delivery,) = log(administrator, webhook)
    assert (delivery["state"], delivery["statusCode"]) == ("FAILED", 400)
    assert (delivery["error"], delivery["attempts"]) == ("STATUS_REFUSED", len(delays) + 1)


@pytest.mark.django_db
def test_retry_after_is_respected(
    administrator: GraphQLClient, alice: User, local_receivers: None
) -> None:
    with receiving(lambda _received: (429, {"Retry-After": "600"})) as receiver:
        created(administrator, receiver.url())
        happen(alice)
        deliver_webhooks()
        (delay,) = waiting()
        assert delay == 600
        assert len(receiver.requests) == 1


@pytest.mark.django_db
def test_unreachable_receivers_pause(administrator: GraphQLClient, local_receivers: None) -> None:
    """However many deliveries wait, an attempt is made once in a while."""
    with receiving() as receiver:
        webhook, _secret = created(administrator, receiver.url())
    for number in range(20):
        happen(make_user(f"user-{number}"))
    for number in range(12):
        before = timezone.now()
        deliver_webhooks()
        webhook.refresh_from_db()
        assert webhook.resume_at is not None
        pause = dt.timedelta(seconds=min(5 * 2**number, 600))
        assert webhook.resume_at - before >= 0.8 * pause
        assert webhook.resume_at - timezone.now() <= 1.2 * pause
        attempts = list(WebhookDelivery.objects.values_list("attempts", flat=True))
        later(-3_600)
        deliver_webhooks()
        assert list(WebhookDelivery.objects.values_list("attempts", flat=True)) == attempts
        later(3_600 + 1.2 * pause.total_seconds())
    assert {error for _state, error in states()} == {"CONNECTION_FAILED"}

    with receiving() as receiver:
        Webhook.objects.update(url=receiver.url())
        later(20_000)
        deliver_webhooks()
    assert set(states()) == {("succeeded", "")}
    webhook.refresh_from_db()
    assert (webhook.resume_at, webhook.pauses, webhook.failing_since) == (None, 0, None)


@pytest.mark.django_db
def test_deliveries_on_purpose_end_a_pause_if_they_succeed(
    administrator: GraphQLClient, alice: User, bob: User, local_receivers: None
) -> None:
    with receiving() as receiver:
        webhook, _secret = created(administrator, receiver.url())
    happen(alice)
    deliver_webhooks()
    happen(bob)
    (automatic,) = webhook.deliveries.all()

    def attempts_after(document: str, row: Model) -> list[int]:
        assert administrator(document, id=node_id(row)).problems == []
        deliver_webhooks()
        webhook.refresh_from_db()
        return list(
            webhook.deliveries.order_by("position", "pk").values_list("attempts", flat=True)
        )

    assert attempts_after(TEST, webhook) == [1, 1, 0], "only this one is attempted"
    assert webhook.resume_at is not None
    assert attempts_after(REDELIVER, automatic) == [1, 1, 0], "its count begins again"
    assert webhook.resume_at is not None
    with receiving() as receiver:
        Webhook.objects.update(url=receiver.url())
        assert attempts_after(TEST, webhook)[-2:] == [1, 1]
        assert webhook.resume_at is None
    assert states()[-2:] == [("succeeded", "")] * 2
