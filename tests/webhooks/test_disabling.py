"""Why webhooks are disabled, and what becomes of their events."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_token, make_user, node_id
from tests.support.receivers import Received, Receiver, receiving
from tests.support.sink import Sink
from tests.support.webhooks import (
    BY_NAME,
    REDELIVER,
    TEST,
    UPDATE,
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
from users.activity.tasks import seal_events
from users.organizations.models import Membership, Role
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.payloads import payload_renderer
from users.webhooks.tasks import dispatch_webhooks


def disabled_reason(webhook: Webhook) -> str:
    webhook.refresh_from_db()
    return webhook.disabled_reason


@pytest.mark.django_db
def test_failing_webhooks_are_disabled(
    administrator: GraphQLClient, root: User, alice: User, mails: Sink, local_receivers: None
) -> None:
    User.objects.filter(pk=root.pk).update(email_verified_at=timezone.now())
    with receiving(lambda _received: (500, {})) as receiver:
        webhook, _secret = created(administrator, receiver.url())
        happen(alice)
        happen(alice)
        deliver_webhooks()
        assert webhook.is_enabled
        Webhook.objects.update(failing_since=timezone.now() - dt.timedelta(days=3, seconds=1))
        later(30)
        deliver_webhooks()
        assert disabled_reason(webhook) == "failing"
        happen(alice)
        deliver_webhooks()
        assert len(receiver.requests) == 2
    assert states() == [("failed", "STATUS_REFUSED"), ("failed", "WEBHOOK_DISABLED")]
    event = Event.objects.get(tag=Tag.WEBHOOK_DISABLED)
    assert event.data == {"webhook": str(webhook.pk), "reason": "failing"}
    message = OutboxMessage.objects.get(subscriber__endswith="mail_webhook_disabled")
    deliver(message.pk)
    mail = mails.mails.get(timeout=10)
    assert mail["To"] == "root@example.org"
    assert mail["Subject"] == "A webhook of yours was disabled"
    assert "all deliveries failed for days" in mail.as_string()


@pytest.mark.django_db
def test_receivers_that_are_gone_get_no_more(
    administrator: GraphQLClient, alice: User, local_receivers: None
) -> None:
    with receiving(lambda _received: (410, {})) as receiver:
        webhook, _secret = created(administrator, receiver.url())
        happen(alice)
        deliver_webhooks()
        assert disabled_reason(webhook) == "gone"
        assert len(receiver.requests) == 1
    (delivery,) = log(administrator, webhook)
    assert (delivery["state"], delivery["attempts"]) == ("FAILED", 1)
    assert (delivery["error"], delivery["statusCode"]) == ("STATUS_REFUSED", 410)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, ("SUCCEEDED", 200, None)), (500, ("FAILED", 500, "STATUS_REFUSED"))],
)
def test_the_log_has_answers_to_what_was_sent_before_a_webhook_was_disabled(
    administrator: GraphQLClient,
    alice: User,
    local_receivers: None,
    status: int,
    expected: tuple[Any, ...],
) -> None:
    def disable_and_answer(_received: Received) -> tuple[int, dict[str, str]]:
        answer = administrator(UPDATE, input={"webhookId": node_id(webhook), "isEnabled": False})
        is_claimed = Webhook.objects.claimed().exists()
        connection.close()
        return (status if answer.problems == [] and is_claimed else 400), {}

    with receiving(disable_and_answer) as receiver:
        webhook, _secret = created(administrator, receiver.url())
        happen(alice)
        happen(alice)
        deliver_webhooks()
    assert len(receiver.requests) == 1
    unsent, sent = log(administrator, webhook)
    assert (sent["state"], sent["statusCode"], sent["error"]) == expected
    assert (sent["attempts"], sent["nextAttemptAt"]) == (1, None)
    assert (unsent["state"], unsent["attempts"]) == ("FAILED", 0)
    assert unsent["error"] == "WEBHOOK_DISABLED"


def suspend(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)


def demote(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=False)
    Membership.objects.filter(user=owner).update(role=Role.MEMBER)


def remove(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=False)
    Membership.objects.filter(user=owner).delete()


@pytest.mark.django_db
@pytest.mark.parametrize("is_organizations", [False, True])
@pytest.mark.parametrize(
    ("change", "reason"), [(suspend, "inactive"), (demote, "role"), (remove, "role")]
)
def test_nothing_is_sent_for_an_owner_without_the_right(
    receiver: Receiver,
    change: Callable[[User], None],
    reason: str,
    is_organizations: bool,  # noqa: FBT001 - a parameter
) -> None:
    owner = make_user("owner", is_staff=True, is_superuser=not is_organizations)
    archers = make_organization("Archers", owner, role=Role.ADMIN) if is_organizations else None
    webhook, _secret = created(
        GraphQLClient(make_token(owner)),
        receiver.url(),
        Tag.MEMBER_LEFT,
        organizationId=node_id(archers) if archers else None,
    )
    happen(owner, tag=Tag.MEMBER_LEFT, organization=archers)
    change(owner)
    deliver_webhooks()
    assert receiver.requests == []
    assert disabled_reason(webhook) == reason
    assert states() == [("failed", "WEBHOOK_DISABLED")]


@pytest.mark.django_db
def test_payloads_of_rights_that_were_lost_meanwhile_are_not_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner is demoted while a batch is rendered, and keeps the webhook's organisation."""
    owner, subject = make_user("owner", is_staff=True, is_superuser=True), make_user("subject")
    archers = make_organization("Archers", owner, role=Role.OWNER)
    _webhook, secret = created(
        GraphQLClient(make_token(owner)),
        receiver.url(),
        Tag.MEMBER_LEFT,
        organizationId=node_id(archers),
        selection="{ subject { username email } }",
    )
    for _number in range(2):
        happen(subject, tag=Tag.MEMBER_LEFT, organization=archers)
    renderer = payload_renderer()
    render = type(renderer).render

    def rendered_and_demoted(*arguments: Any, **options: Any) -> Any:
        found = render(*arguments, **options)
        User.objects.filter(pk=owner.pk).update(is_staff=False, is_superuser=False)
        return found

    monkeypatch.setattr(type(renderer), "render", rendered_and_demoted)
    deliver_webhooks()
    assert len(receiver.requests) == 2
    for request in receiver.requests:
        assert b"subject@example.org" not in request.body
        verified(request, secret)
    assert states() == [("succeeded", "")] * 2


@pytest.mark.django_db
def test_selections_that_became_invalid_disable(
    administrator: GraphQLClient, alice: User, receiver: Receiver
) -> None:
    """As after an upgrade that removed a deprecated field."""
    webhook, _secret = created(administrator, receiver.url())
    Webhook.objects.update(selection="{ gone }")
    happen(alice)
    deliver_webhooks()
    assert receiver.requests == []
    assert disabled_reason(webhook) == "selection"


@pytest.mark.django_db
def test_enabled_webhooks_receive_later_events(
    administrator: GraphQLClient, alice: User, receiver: Receiver
) -> None:
    webhook, secret = created(administrator, receiver.url(), selection=BY_NAME)

    def set_enabled(value: bool) -> Any:  # noqa: FBT001 - a value
        answer = administrator(UPDATE, input={"webhookId": node_id(webhook), "isEnabled": value})
        assert answer.problems == []
        found = answer.data["updateWebhook"]["webhook"]
        return found["isEnabled"], found["disabledReason"]

    happen(alice, number=0)
    dispatch_webhooks()
    assert set_enabled(False) == (False, "BY_USER")
    assert states() == [("failed", "WEBHOOK_DISABLED")]
    happen(alice, number=1)
    deliver_webhooks()
    for document, id_ in ((TEST, webhook), (REDELIVER, WebhookDelivery.objects.get())):
        ((code, _field),) = administrator(document, id=node_id(id_)).problems
        assert code == "WEBHOOK_DISABLED"
    happen(alice, number=2)
    seal_events()
    assert set_enabled(True) == (True, None)
    happen(alice, number=3)
    deliver_webhooks()
    assert arrived_at(receiver, secret) == [("alice", 3)]
    assert Event.objects.filter(tag=Tag.WEBHOOK_CHANGED).count() == 2
