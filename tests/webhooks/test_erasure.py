"""What an erasure does to webhooks and their deliveries."""

import pytest

from tests.privacy.test_erasure import erase
from tests.support.client import GraphQLClient
from tests.support.factories import make_delivery, make_token, make_user, make_webhook
from tests.support.receivers import Receiver
from tests.support.webhooks import created, deliver_webhooks, happen, verified
from users.activity.tags import Tag
from users.webhooks.models import Webhook, WebhookDelivery


def test_deliveries_about_erased_users_are_removed(transactional_db: None) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    webhook = make_webhook(bob)
    about, by, other = happen(alice), happen(bob, actor=alice), happen(bob, actor=bob)
    for event in (about, by, other):
        make_delivery(webhook, event)

    erase(alice)

    assert list(WebhookDelivery.objects.values_list("event", flat=True)) == [other.pk]


def test_webhooks_of_erased_users_send_no_more(transactional_db: None, receiver: Receiver) -> None:
    root, alice = make_user("root", is_superuser=True), make_user("alice", is_superuser=True)
    bob = make_user("bob")
    created(GraphQLClient(make_token(alice)), receiver.url())
    _webhook, secret = created(GraphQLClient(make_token(root)), receiver.url(path="/other"))

    erase(alice)
    happen(bob)
    deliver_webhooks()

    first, second = Webhook.objects.order_by("pk")
    assert (first.owner, first.disabled_reason) == (None, "inactive")
    assert (second.owner, second.is_enabled) == (root, True)
    assert [received.path for received in receiver.requests] == ["/other"]
    verified(receiver.requests[0], secret)


@pytest.mark.django_db
def test_erasures_are_delivered(receiver: Receiver) -> None:
    root, alice = make_user("root", is_superuser=True), make_user("alice")
    _webhook, secret = created(
        GraphQLClient(make_token(root)),
        receiver.url(),
        Tag.USER_ERASED,
        selection="{ tag subject { id } personal }",
    )
    happen(alice, tag=Tag.USER_ERASED)
    deliver_webhooks()
    assert verified(receiver.requests[0], secret)["data"]["tag"] == "USER_ERASED"
