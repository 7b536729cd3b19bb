"""Order, retries and pauses of deliveries, and the workers that attempt them."""

import datetime as dt
import socket
import threading
from contextlib import suppress

import pytest
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_token, make_user, node_id
from tests.support.receivers import Received, Receiver, receiving, serving
from tests.support.webhooks import (
    BY_NAME,
    DELETE,
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
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations.models import Membership, Role
from users.webhooks import client, models, services
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.services import queue
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


# Workers ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_worker_at_a_time(
    administrator: GraphQLClient, alice: User, receiver: Receiver
) -> None:
    webhook, _secret = created(administrator, receiver.url())
    happen(alice)
    for _number in range(3):
        dispatch_webhooks()
    (message,) = turns()
    # As if the worker was killed, and its claim has expired.
    later(61)
    dispatch_webhooks()
    first, second = turns()
    assert first == message
    deliver(first)
    assert receiver.requests == [], "this turn is over"
    deliver(second)
    assert len(receiver.requests) == 1
    webhook.refresh_from_db()
    assert webhook.turn == 2
    assert not Webhook.objects.claimed().exists()


@pytest.mark.django_db
def test_an_organisations_webhooks_take_turns(
    alice: User, local_receivers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at a time, of its owner as well; a backlog starves no other."""
    monkeypatch.setattr(services.turns, "TURN", dt.timedelta(0))
    owners = [make_user("alan"), make_user("bea")]
    archers = make_organization("Archers", owners[0], role=Role.OWNER)
    Membership.objects.create(organization=archers, user=owners[1], role=Role.ADMIN)
    bakers = make_organization("Bakers", owners[1], role=Role.OWNER)
    with receiving() as receiver:
        for number, (owner, organization) in enumerate(
            [(owners[0], archers), (owners[1], archers), (owners[1], bakers)]
        ):
            created(
                GraphQLClient(make_token(owner)),
                receiver.url(path=f"/{number}"),
                Tag.MEMBER_LEFT,
                organizationId=node_id(organization),
            )
        for organization in (archers, bakers) * 3:
            happen(alice, tag=Tag.MEMBER_LEFT, organization=organization)
        dispatch_webhooks()
        started = []
        while messages := turns():
            started.append(len(messages))
            deliver(messages[0])
        paths = [received.path for received in receiver.requests]
    assert max(started) == 2, "those of different owners and organisations run side by side"
    assert {*paths[:4]} == {"/0", "/1", "/2"}
    assert sorted(paths) == sorted(["/0", "/1", "/2"] * 3)


@pytest.mark.django_db
def test_slow_webhooks_take_turns(
    administrator: GraphQLClient,
    alice: User,
    local_receivers: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of all of them at a time, for an hour; the owners by turns."""
    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.3)
    go_on = threading.Event()

    def hang(_received: Received) -> tuple[int, dict[str, str]]:
        go_on.wait(60)
        return 200, {}

    def started() -> list[str]:
        """Start turns; return their owners."""
        dispatch_webhooks()
        return sorted(Webhook.objects.claimed().values_list("owner__username", flat=True))

    with receiving(hang) as hung, receiving() as healthy:
        for name, count in (("alan", 2), ("bea", 1)):
            owner = make_user(name)
            organization = make_organization(name, owner, role=Role.OWNER)
            for _number in range(count):
                created(
                    GraphQLClient(make_token(owner)),
                    hung.url(),
                    Tag.MEMBER_LEFT,
                    organizationId=node_id(organization),
                )
            happen(alice, tag=Tag.MEMBER_LEFT, organization=organization)
        created(administrator, healthy.url())
        assert started() == ["alan", "bea"]
        deliver_webhooks()
        assert len(hung.requests) == 3
        later(30)
        happen(alice)
        owners = []
        while names := started():
            owners += [name for name in names if name != "root"]
            for message in turns():
                deliver(message)
        assert len(healthy.requests) == 1
        go_on.set()
    assert sorted(owners) == ["alan", "alan", "bea"]
    assert owners[0] != owners[1]
    later(3_700)
    assert started() == ["alan", "bea"]


def turns() -> list[int]:
    messages = OutboxMessage.objects.filter(subscriber__endswith="webhook_turn").order_by("pk")
    return list(messages.values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_worker_of_a_deleted_webhook_hangs_up(
    alice: User, local_receivers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each deletion would let another webhook of the owner hold another worker."""
    monkeypatch.setattr(client, "TOTAL_SECONDS", 60.0)
    owner = make_user("alan")
    own = GraphQLClient(make_token(owner))
    has_hung_up: list[bool] = []

    def delete_and_hang(receiving: socket.socket) -> None:
        receiving.recv(4_096)
        assert own(DELETE, id=node_id(webhook)).problems == []
        connection.close()
        # Less than the time-out of the request.
        receiving.settimeout(20)
        with suppress(TimeoutError):
            while receiving.recv(4_096):
                pass
            has_hung_up.append(True)

    with serving(delete_and_hang) as url, receiving() as other:
        urls = [url, other.url()]
        for name, each in zip(("A", "B"), urls, strict=True):
            organization = make_organization(name, owner, role=Role.OWNER)
            created(own, each, Tag.MEMBER_LEFT, organizationId=node_id(organization))
            happen(alice, tag=Tag.MEMBER_LEFT, organization=organization)
        webhook, waiting = Webhook.objects.order_by("pk")
        dispatch_webhooks()
        (message,) = turns()
        deliver(message)
        assert has_hung_up == [True]
        # What has waited for it is started at once.
        assert [each.pk for each in Webhook.objects.claimed()] == [waiting.pk]
        (message,) = turns()
        deliver(message)
        assert len(other.requests) == 1
    assert states() == [("succeeded", "")]
    tags = Event.objects.filter(tag__startswith="webhook:").order_by("pk")
    changes = [Tag.WEBHOOK_CREATED, Tag.WEBHOOK_CREATED, Tag.WEBHOOK_DELETED]
    assert list(tags.values_list("tag", flat=True)) == changes


@pytest.mark.django_db
def test_a_long_turn_is_followed_by_another(
    administrator: GraphQLClient,
    alice: User,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services.turns, "TURN", dt.timedelta(0))
    created(administrator, receiver.url())
    for _number in range(3):
        happen(alice)
    dispatch_webhooks()
    for number in range(1, 4):
        (message,) = turns()
        deliver(message)
        assert len(receiver.requests) == number


@pytest.mark.django_db
def test_full_webhooks_read_no_further(
    administrator: GraphQLClient,
    local_receivers: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "MAX_PENDING", 5)
    monkeypatch.setattr(queue, "PAGE", 3)
    users = [make_user(f"user-{number}") for number in range(20)]
    with receiving() as receiver, receiving() as other:
        first, _secret = created(administrator, receiver.url())
        second, _secret = created(administrator, other.url(), Tag.USER_CHANGED)
        Webhook.objects.filter(pk=first.pk).update(
            claimed_until=timezone.now() + dt.timedelta(minutes=1)
        )
        for user in users:
            happen(user)
        deliver_webhooks()
        deliver_webhooks()
        assert 5 <= first.deliveries.pending().count() < 8
        for _number in range(4):
            deliver_webhooks()
        assert second.deliveries.count() == len(other.requests) == 20
        Webhook.objects.update(claimed_until=None)
        for _number in range(6):
            deliver_webhooks()
        assert len({received.id for received in receiver.requests}) == 20
