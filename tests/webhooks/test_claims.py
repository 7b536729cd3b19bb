"""Claims: one worker of a webhook at a time, and turns of owners and organisations."""

import datetime as dt
import socket
import threading
from contextlib import suppress

import pytest
from django.db import connection
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_token, make_user, node_id
from tests.support.receivers import Received, Receiver, receiving, serving
from tests.support.webhooks import (
    DELETE,
    created,
    deliver_webhooks,
    happen,
    later,
    states,
)
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations.models import Membership, Role
from users.webhooks import client, models, services
from users.webhooks.models import Webhook
from users.webhooks.services import queue
from users.webhooks.tasks import dispatch_webhooks


def turns() -> list[int]:
    messages = OutboxMessage.objects.filter(subscriber__endswith="webhook_turn").order_by("pk")
    return list(messages.values_list("pk", flat=True))


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
