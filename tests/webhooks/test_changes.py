"""Changes of webhooks, and who makes them."""

import datetime as dt

import pytest
from django.utils import timezone

from tests.support.client import GraphQLClient
from tests.support.factories import (
    PASSWORD,
    make_api_token,
    make_organization,
    make_session,
    make_token,
    node_id,
)
from tests.support.receivers import Receiver
from tests.support.webhooks import (
    DELETE,
    ROTATE,
    TEST,
    UPDATE,
    URL,
    create,
    created,
    deliver_webhooks,
    events,
    happen,
    verified,
)
from users.accounts.models import User
from users.activity.tags import Tag
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token
from users.organizations.models import Role
from users.scopes import Scope
from users.webhooks.models import Webhook, WebhookDelivery


@pytest.mark.django_db
def test_only_the_owner_changes_what_is_sent(
    administrator: GraphQLClient, alice: User, bob: User, receiver: Receiver
) -> None:
    """Or others could read with the owner's rights, and the owner with theirs."""
    archers = make_organization("Archers", alice, bob, role=Role.OWNER)
    webhook, secret = created(
        GraphQLClient(make_token(alice)),
        receiver.url(),
        Tag.MEMBER_LEFT,
        organizationId=node_id(archers),
    )
    for client in (GraphQLClient(make_token(bob)), administrator):
        before = Webhook.objects.values().get()
        for change in (
            {"url": URL},
            {"tags": ["MEMBER_REMOVED"]},
            {"selection": "{ personal }", "isEnabled": True},
        ):
            answer = client(UPDATE, input={"webhookId": node_id(webhook)} | change)
            assert answer.codes == ["FORBIDDEN"]
        assert client(ROTATE, id=node_id(webhook)).codes == ["FORBIDDEN"]
        assert Webhook.objects.values().get() == before
        for value in (False, True):
            answer = client(UPDATE, input={"webhookId": node_id(webhook), "isEnabled": value})
            assert answer.problems == []
            found = answer.data["updateWebhook"]["webhook"]
            assert (found["isEnabled"], found["viewerCanUpdate"]) == (value, False)
        assert client(TEST, id=node_id(webhook)).problems == []
    deliver_webhooks()
    for received in receiver.requests:
        verified(received, secret)
    assert Webhook.objects.get().owner == alice
    assert administrator(DELETE, id=node_id(webhook)).problems == []
    assert not WebhookDelivery.objects.exists()
    assert events(Tag.WEBHOOK_DELETED) == [
        {"webhook": str(webhook.pk), "host": "127.0.0.1", "organization": str(archers.pk)}
    ]


@pytest.mark.django_db
def test_changes_are_recorded_once(administrator: GraphQLClient) -> None:
    webhook, _secret = created(administrator, URL)
    change = {
        "webhookId": node_id(webhook),
        "url": "https://example.net/",
        "tags": ["LOGGED_IN"],
        "selection": "{ tag }",
        "isEnabled": True,
    }
    for _number in range(2):
        assert administrator(UPDATE, input=change).problems == []
    webhook.refresh_from_db()
    assert (webhook.url, webhook.selection) == ("https://example.net/", "{ tag }")
    assert webhook.tags == [Tag.LOGGED_IN]
    assert events(Tag.WEBHOOK_CHANGED) == [
        {
            "webhook": str(webhook.pk),
            "host": "example.net",
            "fields": ["selection", "tags", "url"],
            "is_enabled": True,
        }
    ]


@pytest.mark.django_db
def test_invalid_changes_change_nothing(administrator: GraphQLClient) -> None:
    webhook, _secret = created(administrator, URL)
    before = Webhook.objects.values().get()
    for change, code in (
        ({"url": "file:///"}, "WEBHOOK_URL_INVALID"),
        ({"selection": "{ x }", "url": "https://example.net"}, "WEBHOOK_SELECTION_INVALID"),
        ({"tags": []}, "VALUE_INVALID"),
        ({"url": None}, "VALUE_INVALID"),
        ({"isEnabled": None}, "VALUE_INVALID"),
    ):
        answer = administrator(UPDATE, input={"webhookId": node_id(webhook)} | change)
        assert [found for found, _field in answer.problems] == [code]
    assert Webhook.objects.values().get() == before


@pytest.mark.django_db
def test_tokens_test_and_delete_but_do_not_create(
    administrator: GraphQLClient, root: User, receiver: Receiver
) -> None:
    webhook, _secret = created(administrator, receiver.url())
    client = GraphQLClient(make_api_token(root, *Scope))
    id_ = node_id(webhook)
    assert create(client, URL).codes == ["INSUFFICIENT_SCOPE"]
    assert client(UPDATE, input={"webhookId": id_, "isEnabled": False}).codes == [
        "INSUFFICIENT_SCOPE"
    ]
    assert client(ROTATE, id=id_).codes == ["INSUFFICIENT_SCOPE"]
    reader = GraphQLClient(make_api_token(root, Scope.WEBHOOKS_READ))
    assert reader("{ webhooks(first: 9) { nodes { url } } }").data["webhooks"]["nodes"]
    assert reader(TEST, id=id_).codes == ["INSUFFICIENT_SCOPE"]
    assert client(TEST, id=id_).problems == []
    assert client(DELETE, id=id_).problems == []


@pytest.mark.django_db
def test_creation_requires_recent_authentication(root: User) -> None:
    session = make_session(root)
    webhook, _secret = created(GraphQLClient(issue_access_token(session)), URL)
    long_ago = timezone.now() - dt.timedelta(hours=1)
    Session.objects.filter(pk=session.pk).update(authenticated_at=long_ago)
    client = GraphQLClient(issue_access_token(session))
    id_ = node_id(webhook)
    for answer in (
        create(client, URL),
        client(UPDATE, input={"webhookId": id_, "url": URL + "x"}),
        client(ROTATE, id=id_),
    ):
        assert answer.codes == ["REAUTHENTICATION_REQUIRED"]
    assert Webhook.objects.get().url == URL


@pytest.mark.django_db
def test_webhooks_end_with_their_organization(alice: User, receiver: Receiver) -> None:
    archers = make_organization("Archers", alice, role=Role.OWNER)
    client = GraphQLClient(make_token(alice))
    created(client, receiver.url(), Tag.ORGANIZATION_RENAMED, organizationId=node_id(archers))
    happen(tag=Tag.ORGANIZATION_RENAMED, organization=archers)
    deliver_webhooks()
    assert len(receiver.requests) == 1
    answer = client(
        """mutation ($id: ID!, $password: String!) {
          deleteOrganization(input: {organizationId: $id, password: $password}) {
            errors { code }
          }
        }""",
        id=node_id(archers),
        password=PASSWORD,
    )
    assert answer.problems == []
    assert not WebhookDelivery.objects.exists()
    assert not Webhook.objects.exists()
