"""Creation of webhooks: what is accepted, and how many there may be."""

from collections.abc import Callable

import pytest

from core.security.crypto import UnsealError
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import (
    global_id,
    make_organization,
    make_token,
    make_user,
    node_id,
)
from tests.support.receivers import Receiver
from tests.support.webhooks import (
    CREATE,
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
from users.organizations.models import Role
from users.webhooks.models import Webhook
from users.webhooks.payloads import DEFAULT_SELECTION
from users.webhooks.services import webhooks as services
from users.webhooks.signing import unseal_secret

MEMBERS = "memberships(first: 9) { nodes { organization { members(first: 9) { nodes { user {"
DEEP = f"{{ subject {{ {MEMBERS} {MEMBERS} id {'}' * 14}"
EVENTS = "subject { events(first: 100) { nodes {"
WIDE = f"{{ {EVENTS} {EVENTS} id {'}' * 7}"


@pytest.mark.django_db
def test_a_webhook_is_created(administrator: GraphQLClient) -> None:
    answer = create(administrator, f" {URL} ", Tag.LOGGED_IN, Tag.USER_CHANGED, Tag.LOGGED_IN)
    assert answer.problems == []
    payload = answer.data["createWebhook"]
    webhook = Webhook.objects.get()
    assert payload["webhook"] == {
        "id": node_id(webhook),
        "url": URL,
        "tags": ["USER_CHANGED", "LOGGED_IN"],
        "selection": DEFAULT_SELECTION,
        "isEnabled": True,
        "disabledReason": None,
        "viewerCanUpdate": True,
        "previousSecretExpiresAt": None,
        "organization": None,
        "owner": {"username": "root"},
    }
    assert payload["secret"].startswith("whsec_")
    assert payload["secret"] == unseal_secret(webhook.secret, webhook.pk)
    assert payload["secret"][6:20] not in webhook.secret
    with pytest.raises(UnsealError):
        unseal_secret(webhook.secret, make_user("other").pk)
    # The path may be secret, the host is not.
    assert events(Tag.WEBHOOK_CREATED) == [
        {
            "webhook": str(webhook.pk),
            "host": "example.org",
            "tags": ["account:user:change", "session:user:log_in"],
        }
    ]


# Input -----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        *("", "file:///etc/passwd", "http://example.org/", "https://a:b@example.org/"),
        *("https://127.0.0.1/", "https://[::1]/", "https://example.org/#x", "x" * 90_000),
        "https://example.org/\0",
    ],
)
def test_other_urls_are_refused(administrator: GraphQLClient, url: str) -> None:
    assert create(administrator, url).problems == [("WEBHOOK_URL_INVALID", "url")]
    assert not Webhook.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "selection",
    [
        "",
        "{ }",
        "id",
        "{ id",
        "{ id } }",
        "{ unknown }",
        "{ subject }",
        "{ subject { password } }",
        "{ id(x: 1) }",
        "{ id } { tag }",
        "{ id } query { me { id } }",
        "{ id } fragment Other on User { id }",
        "{ id } mutation { logOut { errors { code } } }",
        "{ ...Payload }",
        "{ ...Unknown }",
        "{ subject { name @skip(if: $x) } }",
        "{ \0 }",
        "{ id # }",
        # Depth, aliases, tokens, rows and characters.
        DEEP,
        "{ " + " ".join(f"a{number}: id" for number in range(31)) + " }",
        "{ " + "id " * 1_000 + "}",
        WIDE,
        "{ id #" + "x" * 5_000 + "\n}",
        "{" * 4_000,
        "{ id " * 20_000,
    ],
)
def test_other_selections_are_refused(administrator: GraphQLClient, selection: str) -> None:
    answer = administrator(
        CREATE, input={"url": URL, "tags": ["LOGGED_IN"], "selection": selection}
    )
    if answer.status == 413:
        assert answer.codes == ["BODY_TOO_LARGE"]
    else:
        assert answer.problems == [("WEBHOOK_SELECTION_INVALID", "selection")]
        (error,) = answer.data["createWebhook"]["errors"]
        assert error["message"]
    assert not Webhook.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "selection",
    [
        "{ id }",
        "{ id } # The id",
        "{ ... on Event { id } ... @include(if: true) { tag } }",
        "{ when: createdAt subject { ... on User { groups { name } } } }",
    ],
)
def test_selections_may_use_graphql(
    administrator: GraphQLClient, root: User, receiver: Receiver, selection: str
) -> None:
    _webhook, secret = created(administrator, receiver.url(), selection=selection)
    happen(root)
    deliver_webhooks()
    assert verified(receiver.requests[0], secret)["data"]


@pytest.mark.django_db
def test_unknown_and_missing_tags_are_refused(administrator: GraphQLClient) -> None:
    answer = administrator(CREATE, input={"url": URL, "tags": ["UNKNOWN"]})
    assert answer.codes == ["GRAPHQL_VARIABLES_INVALID"]
    answer = administrator(CREATE, input={"url": URL, "tags": []})
    assert answer.problems == [("VALUE_INVALID", "tags")]
    assert not Webhook.objects.exists()


@pytest.mark.django_db
def test_organizations_choose_their_events_only(alice: User) -> None:
    archers = make_organization("Archers", alice, role=Role.OWNER)
    client = GraphQLClient(make_token(alice))
    id_ = node_id(archers)
    answer = create(client, URL, Tag.MEMBER_LEFT, Tag.LOGGED_IN, organizationId=id_)
    assert answer.problems == [("VALUE_INVALID", "tags")]
    tags = services.organization_tags()
    assert {Tag.ORGANIZATION_RENAMED, Tag.MEMBER_REMOVED, Tag.WEBHOOK_TESTED} <= {*tags}
    assert Tag.MEMBER_IMPORTED in tags
    assert create(client, URL, *tags, organizationId=id_).problems == []


@pytest.mark.django_db
@pytest.mark.parametrize("id_", ["x", global_id("User", "0" * 32), global_id("Organization", "1")])
def test_unknown_organizations(administrator: GraphQLClient, id_: str) -> None:
    answer = create(administrator, URL, organizationId=id_)
    assert answer.problems == [("NOT_FOUND", "organizationId")]
    assert not Webhook.objects.exists()


@pytest.mark.django_db
def test_webhooks_are_limited_in_number(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_OF_SERVICE", 2)
    monkeypatch.setattr(services, "MAX_PER_ORGANIZATION", 1)
    archers = node_id(make_organization("Archers"))
    for _number in range(2):
        assert create(administrator, URL).problems == []
    assert create(administrator, URL).problems == [("TOO_MANY_WEBHOOKS", "")]
    values = {"organizationId": archers}
    assert create(administrator, URL, Tag.MEMBER_LEFT, **values).problems == []
    assert create(administrator, URL, Tag.MEMBER_LEFT, **values).problems == [
        ("TOO_MANY_WEBHOOKS", "")
    ]


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_for_concurrent_creations(
    root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_OF_SERVICE", 1)
    clients = [GraphQLClient(make_token(root)) for _number in range(4)]

    def call(client: GraphQLClient) -> Callable[[], list[tuple[str, str]]]:
        return lambda: create(client, URL).problems

    problems = run_concurrently(*map(call, clients))
    assert sorted(map(len, problems)) == [0, 1, 1, 1]
    assert Webhook.objects.count() == 1
