"""From an event to a verified request, and what the log says about it."""

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.security.actor import Actor
from tests.support.client import GraphQLClient
from tests.support.factories import global_id, make_organization, make_token, make_user, node_id
from tests.support.receivers import Received, Receiver, receiving
from tests.support.webhooks import (
    REDELIVER,
    TEST,
    create,
    created,
    deliver_webhooks,
    happen,
    log,
    states,
    verified,
)
from users.accounts.models import User
from users.activity.models import Event, EventSeal
from users.activity.services.record import record
from users.activity.tags import Tag
from users.organizations.models import Membership, Role
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.tasks import prune_webhooks


@pytest.mark.django_db
def test_chosen_events_arrive_signed(
    administrator: GraphQLClient, root: User, bob: User, receiver: Receiver
) -> None:
    webhook, secret = created(administrator, receiver.url(), Tag.USER_CHANGED)
    event = happen(bob, actor=root, is_staff=True)
    happen(bob, tag=Tag.LOGGED_IN)

    deliver_webhooks()

    (received,) = receiver.requests
    payload = verified(received, secret)
    assert payload == {
        "type": "USER_CHANGED",
        "timestamp": payload["timestamp"],
        "data": {
            "id": node_id(event),
            "tag": "USER_CHANGED",
            "createdAt": payload["data"]["createdAt"],
            "actor": {"id": node_id(root)},
            "subject": {"id": node_id(bob)},
            "data": {"is_staff": True},
        },
    }
    for moment in (payload["timestamp"], payload["data"]["createdAt"]):
        assert dt.datetime.fromisoformat(moment) == event.created_at
    assert received.path == "/hook"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"].startswith("Roster/")
    delivery = WebhookDelivery.objects.get()
    assert received.id == str(delivery.pk)
    assert log(administrator, webhook) == [
        {
            "id": node_id(delivery),
            "state": "SUCCEEDED",
            "attempts": 1,
            "statusCode": 200,
            "error": None,
            "nextAttemptAt": None,
            "event": {"tag": "USER_CHANGED"},
        }
    ]


@pytest.mark.django_db
def test_events_without_a_webhook_cost_nothing(bob: User) -> None:
    happen(bob)
    deliver_webhooks()
    assert not EventSeal.objects.exists()
    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db
def test_earlier_events_are_not_delivered(
    administrator: GraphQLClient, bob: User, receiver: Receiver
) -> None:
    happen(bob)
    created(administrator, receiver.url(), Tag.LOGGED_IN)
    deliver_webhooks()
    # Its own creation is sealed by now, and the events before it.
    created(administrator, receiver.url("localhost"), Tag.USER_CHANGED)
    deliver_webhooks()
    assert receiver.requests == []


@pytest.mark.django_db
def test_each_event_is_delivered_once_to_each_webhook(
    administrator: GraphQLClient, bob: User, receiver: Receiver
) -> None:
    for path in ("/a", "/b"):
        created(administrator, receiver.url(path=path))
    for _number in range(25):
        happen(bob)
        deliver_webhooks()
    deliver_webhooks()
    assert len({received.id for received in receiver.requests}) == 50
    assert sorted(received.path for received in receiver.requests) == ["/a"] * 25 + ["/b"] * 25


# What is sent ----------------------------------------------------------------------------

SELECTION = "{ tag ip personal subject { username email } actor { username } }"


@pytest.mark.django_db
def test_organizations_receive_their_events_as_the_owner_sees_them(
    alice: User, bob: User, charlie: User, receiver: Receiver
) -> None:
    archers = make_organization("Archers", alice, role=Role.OWNER)
    bakers = make_organization("Bakers", charlie, role=Role.OWNER)
    for user in (bob, charlie):
        Membership.objects.create(organization=archers, user=user)
    _webhook, secret = created(
        GraphQLClient(make_token(alice)),
        receiver.url(),
        Tag.MEMBER_ROLE_CHANGED,
        organizationId=node_id(archers),
        selection=SELECTION,
    )
    for organization in (archers, bakers):
        record(
            Tag.MEMBER_ROLE_CHANGED,
            actor=Actor(user_id=charlie.pk, ip="192.0.2.1"),
            subject_id=bob.pk,
            organization=organization.pk,
            personal={"note": "private"},
        )

    deliver_webhooks()

    (received,) = receiver.requests
    assert verified(received, secret)["data"] == {
        "tag": "MEMBER_ROLE_CHANGED",
        # Charlie's, which Alice does not see.
        "ip": None,
        "personal": None,
        "subject": {"username": "bob", "email": None},
        "actor": {"username": "charlie"},
    }


@pytest.mark.django_db
def test_administrators_receive_personal_data_if_they_select_it(
    administrator: GraphQLClient, bob: User, receiver: Receiver
) -> None:
    _webhook, secret = created(administrator, receiver.url(), selection=SELECTION)
    record(
        Tag.USER_CHANGED,
        actor=Actor(user_id=bob.pk, ip="192.0.2.1"),
        subject_id=bob.pk,
        personal={"old": "x"},
    )
    deliver_webhooks()
    assert verified(receiver.requests[0], secret)["data"] == {
        "tag": "USER_CHANGED",
        "ip": "192.0.2.1",
        "personal": {"old": "x"},
        "subject": {"username": "bob", "email": "bob@example.org"},
        "actor": {"username": "bob"},
    }


@pytest.mark.django_db
def test_large_payloads_are_not_sent(
    administrator: GraphQLClient, bob: User, receiver: Receiver
) -> None:
    created(administrator, receiver.url(), selection="{ data }")
    happen(bob, text="x" * 300_000)
    happen(bob, text="y")
    deliver_webhooks()
    assert states() == [("failed", "PAYLOAD_TOO_LARGE"), ("succeeded", "")]
    (received,) = receiver.requests
    assert json.loads(received.body)["data"] == {"data": {"text": "y"}}


# On request ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_tests_use_the_webhooks_selection(
    administrator: GraphQLClient, root: User, receiver: Receiver
) -> None:
    webhook, secret = created(
        administrator, receiver.url(), Tag.LOGGED_IN, selection="{ tag actor { username } }"
    )
    answer = administrator(TEST, id=node_id(webhook))
    assert answer.problems == []
    delivery = answer.data["sendTestWebhook"]["delivery"]
    assert (delivery["state"], delivery["event"]) == ("PENDING", {"tag": "WEBHOOK_TESTED"})
    deliver_webhooks()
    payload = verified(receiver.requests[0], secret)
    assert payload["type"] == "WEBHOOK_TESTED"
    assert payload["data"] == {"tag": "WEBHOOK_TESTED", "actor": {"username": "root"}}
    assert states() == [("succeeded", "")]


@pytest.mark.django_db
def test_deliveries_are_repeated_under_the_same_id(
    administrator: GraphQLClient, bob: User, receiver: Receiver
) -> None:
    webhook, secret = created(administrator, receiver.url(), selection="{ subject { username } }")
    happen(bob)
    deliver_webhooks()
    bob.username = "robert"
    bob.save()
    (delivery,) = log(administrator, webhook)
    answer = administrator(REDELIVER, id=delivery["id"])
    assert answer.problems == []
    assert answer.data["redeliverWebhook"]["delivery"]["state"] == "PENDING"
    deliver_webhooks()
    first, second = receiver.requests
    assert first.id == second.id
    names = [verified(each, secret)["data"]["subject"]["username"] for each in (first, second)]
    assert names == ["bob", "robert"]
    assert log(administrator, webhook, state="SUCCEEDED") == [delivery]
    assert log(administrator, webhook, state="FAILED") == []
    assert Event.objects.filter(tag=Tag.WEBHOOK_REDELIVERED).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [200, 500])
def test_deliveries_that_are_requested_during_an_attempt_are_sent_once_more(
    administrator: GraphQLClient, alice: User, local_receivers: None, status: int
) -> None:
    received: list[str] = []

    def request_and_answer(request: Received) -> tuple[int, dict[str, str]]:
        received.append(request.id)
        if len(received) > 1:
            return 200, {}
        answer = administrator(REDELIVER, id=node_id(WebhookDelivery.objects.get()))
        connection.close()
        return (status if answer.problems == [] else 410), {}

    with receiving(request_and_answer) as receiver:
        created(administrator, receiver.url())
        happen(alice)
        deliver_webhooks()
    assert len(received) == 2
    assert len(set(received)) == 1
    assert states() == [("succeeded", "")]


@pytest.mark.django_db
def test_only_visible_deliveries_are_repeated(
    administrator: GraphQLClient, alice: User, receiver: Receiver
) -> None:
    created(administrator, receiver.url())
    happen(alice)
    deliver_webhooks()
    client = GraphQLClient(make_token(alice))
    delivery = node_id(WebhookDelivery.objects.get())
    for id_ in (delivery, "x", global_id("WebhookDelivery", "0" * 32)):
        assert client(REDELIVER, id=id_).problems == [("NOT_FOUND", "deliveryId")]
    assert states() == [("succeeded", "")]
    assert len(receiver.requests) == 1


@pytest.mark.django_db
def test_members_without_the_role_see_no_webhooks(alice: User, receiver: Receiver) -> None:
    archers = make_organization("Archers", alice, role=Role.OWNER)
    member = make_user("member")
    Membership.objects.create(organization=archers, user=member)
    webhook, _secret = created(
        GraphQLClient(make_token(alice)),
        receiver.url(),
        Tag.MEMBER_LEFT,
        organizationId=node_id(archers),
    )
    query = """query ($id: ID!, $organization: ID!) {
      webhook(id: $id) { url } node(id: $id) { id } webhooks(first: 9) { nodes { url } }
      organization(id: $organization) {
        viewerCanCreateWebhooks webhooks(first: 9) { nodes { url } }
      }
    }"""

    def seen_by(user: User) -> list[bool]:
        client = GraphQLClient(make_token(user))
        data = client(query, id=node_id(webhook), organization=node_id(archers)).data
        below = data["organization"]
        return [
            *(bool(data["webhook"]), bool(data["node"]), bool(data["webhooks"]["nodes"])),
            *(bool(below["webhooks"]["nodes"]), below["viewerCanCreateWebhooks"]),
        ]

    assert seen_by(alice) == [True] * 5
    assert seen_by(member) == [False] * 5
    answer = create(
        GraphQLClient(make_token(member)),
        receiver.url(),
        Tag.MEMBER_LEFT,
        organizationId=node_id(archers),
    )
    assert answer.codes == ["FORBIDDEN"]
    assert Webhook.objects.count() == 1


# The log ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_old_deliveries_are_pruned(
    administrator: GraphQLClient, alice: User, receiver: Receiver, settings: Any
) -> None:
    created(administrator, receiver.url())
    happen(alice)
    deliver_webhooks()
    happen(alice)
    webhook = Webhook.objects.get()
    Webhook.objects.update(claimed_until=timezone.now() + dt.timedelta(hours=1))
    deliver_webhooks()
    prune_webhooks()
    assert webhook.deliveries.count() == 2
    settings.WEBHOOK_DELIVERY_RETENTION = dt.timedelta(0)
    prune_webhooks()
    (delivery,) = webhook.deliveries.all()
    assert delivery.state == "pending"
