"""Webhooks in the admin: created, edited, tested and repeated by administrators."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_staff,
    sign_in,
    view_name,
)
from tests.support.factories import make_delivery, make_webhook
from tests.support.webhooks import happen
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.signing import unseal_secret
from users.webhooks.states import WebhookDeliveryState

pytestmark = pytest.mark.django_db

CREATE = "/admin/webhooks/webhook/create/"
NEW = {
    "url": "https://example.org/hook",
    "tags": [Tag.LOGGED_IN.value, Tag.USER_CREATED.value],
    "selection": "{ tag }",
}


def action_url(row: Any, action: str) -> str:
    return reverse(view_name(type(row), action), args=[row.pk])


def submit(client: Client, address: str, /, **values: Any) -> Any:
    return client.post(address, {"_form_submitted": "on", **values})


def shown_secret(page: str) -> str:
    (secret,) = re.findall(r"whsec_[\w+/=]+", page)
    return str(secret)


@pytest.fixture
def rosa(client: Client) -> User:
    rosa = make_administrator()
    sign_in(client, rosa)
    return rosa


def test_the_secret_is_shown_once(client: Client, rosa: User) -> None:
    assert CREATE in client.get(list_url(Webhook)).content.decode()
    response = submit(client, CREATE, **NEW)
    webhook = Webhook.objects.get()
    assert (webhook.owner, webhook.url, webhook.selection) == (rosa, NEW["url"], "{ tag }")
    assert webhook.tags == [Tag.USER_CREATED, Tag.LOGGED_IN]
    secret = shown_secret(response.content.decode())
    assert secret == unseal_secret(webhook.secret, webhook.pk)
    for url in (list_url(Webhook), change_url(webhook)):
        page = client.get(url).content.decode()
        assert "example.org/hook" in page
        assert secret not in page
    response = submit(client, action_url(webhook, "rotate_secret"), minutes="60")
    webhook.refresh_from_db()
    assert shown_secret(response.content.decode()) == unseal_secret(webhook.secret, webhook.pk)
    assert unseal_secret(webhook.previous_secret, webhook.pk) == secret


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "file:///etc/passwd"}, "begins with https://"),
        ({"selection": "{ unknown }"}, "Cannot query field"),
        ({"tags": ["unknown"]}, "unknown"),
    ],
)
def test_problems_are_shown_in_the_dialog(
    client: Client, rosa: User, values: dict[str, Any], message: str
) -> None:
    page = submit(client, CREATE, **(NEW | values)).content.decode()
    assert message in page
    assert not Webhook.objects.exists()


def test_owners_edit_their_webhooks(client: Client, rosa: User) -> None:
    webhook = make_webhook(rosa)
    edit = action_url(webhook, "edit")
    assert webhook.url in client.get(edit).content.decode()
    assert submit(client, edit, **NEW).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.url, webhook.selection) == (NEW["url"], "{ tag }")


def test_webhooks_of_others_are_disabled_but_not_edited(client: Client, rosa: User) -> None:
    webhook = make_webhook(make_administrator("otto"))
    assert submit(client, action_url(webhook, "edit"), **NEW).status_code == 403
    assert submit(client, action_url(webhook, "rotate_secret"), minutes="1").status_code == 403
    for action, is_enabled in (("disable", False), ("enable", True)):
        assert submit(client, action_url(webhook, action)).status_code == 302
        before, webhook = webhook, Webhook.objects.get()
        assert webhook.is_enabled is is_enabled
        assert webhook.url == before.url
    assert submit(client, action_url(webhook, "enable")).status_code == 403


def test_webhooks_are_tested_and_deleted(client: Client, rosa: User) -> None:
    webhook = make_webhook(rosa)
    response = submit(client, action_url(webhook, "send_test"))
    delivery = WebhookDelivery.objects.get()
    assert response["Location"] == change_url(delivery)
    assert "webhook:endpoint:test" in client.get(change_url(delivery)).content.decode()
    response = client.get(action_url(webhook, "deliveries"))
    page = client.get(response["Location"]).content.decode()
    assert change_url(delivery) in page
    assert submit(client, action_url(webhook, "remove")).status_code == 302
    assert not Webhook.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_deliveries_are_repeated(client: Client, rosa: User) -> None:
    delivery = make_delivery(
        make_webhook(rosa),
        happen(rosa),
        state=WebhookDeliveryState.FAILED,
        next_attempt_at=None,
    )
    assert submit(client, action_url(delivery, "redeliver")).status_code == 302
    delivery.refresh_from_db()
    assert delivery.state == WebhookDeliveryState.PENDING
    assert Event.objects.filter(tag=Tag.WEBHOOK_REDELIVERED, actor_id=rosa.pk).exists()


def test_a_delivery_of_a_disabled_webhook_is_not_repeated(client: Client, rosa: User) -> None:
    webhook = make_webhook(rosa)
    delivery = make_delivery(
        webhook, happen(rosa), state=WebhookDeliveryState.FAILED, next_attempt_at=None
    )
    assert submit(client, action_url(webhook, "disable")).status_code == 302
    response = submit(client, action_url(delivery, "redeliver"))
    assert response["Location"] == change_url(delivery)
    page = client.get(change_url(delivery)).content.decode()
    assert "This webhook is disabled. Enable it first." in page
    delivery.refresh_from_db()
    assert delivery.state == WebhookDeliveryState.FAILED


def test_titles_are_words_in_the_language_of_the_reader(client: Client, rosa: User) -> None:
    delivery = make_delivery(make_webhook(rosa), happen(rosa))
    for row, title in (
        (delivery.webhook, "Webhook receiver.example"),
        (delivery, f"Zustellung {timezone.localtime(delivery.created_at):%d.%m.%Y}"),
    ):
        page = client.get(change_url(row), headers={"accept-language": "de"}).content.decode()
        assert title in page
        (shown,) = re.findall(r"<title>(.*?)</title>", page, re.DOTALL)
        assert title in shown
        assert str(row.pk) not in shown
    listed = client.get(list_url(WebhookDelivery), headers={"accept-language": "de"})
    assert str(delivery.event_id) not in listed.content.decode()


def test_staff_see_no_webhooks(client: Client) -> None:
    webhook = make_webhook(make_administrator())
    sign_in(client, make_staff())
    for url in (list_url(Webhook), change_url(webhook), CREATE, action_url(webhook, "send_test")):
        assert client.get(url).status_code == 403
    assert submit(client, CREATE, **NEW).status_code == 403
    assert submit(client, action_url(webhook, "remove")).status_code == 403
    assert Webhook.objects.count() == 1
