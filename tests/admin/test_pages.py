"""The pages of the admin: content, search, permissions and statements."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.outbox.models import FAILING_AFTER, OutboxMessage
from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    shown,
    sign_in,
    view_name,
)
from tests.support.factories import (
    make_api_token,
    make_bulk_action,
    make_delivery,
    make_organization_invitation,
    make_service,
    make_user_export,
    make_user_import,
    make_webhook,
)
from users.accounts.errors import AccountErrorCode
from users.accounts.models import Invitation, Metadata, Profile, User
from users.activity.models import Event, IntervalCounts
from users.activity.tags import Tag
from users.admin.base import RosterAdmin
from users.admin.lists import BoundedPaginator
from users.authentication.models import ApiToken, ServiceAccount, Session, Suspension
from users.bulk.models import BulkAction
from users.exports.models import UserExport
from users.imports.models import UserImport
from users.organizations.models import Membership, Organization, OrganizationInvitation
from users.privacy.models import AccountDeletion
from users.webhooks.models import Webhook, WebhookDelivery

pytestmark = pytest.mark.django_db


MODELS = [
    User, Profile, Metadata, Group, Organization, Membership, OrganizationInvitation, Session,
    Suspension, ApiToken, ServiceAccount, AccountDeletion, BulkAction, UserExport,
    UserImport, Event, IntervalCounts, OutboxMessage, Webhook, WebhookDelivery, Invitation,
]  # fmt: skip
ADMINISTRATORS_ONLY = {
    *(ApiToken, BulkAction, UserExport, UserImport, Event, OutboxMessage),
    *(Webhook, WebhookDelivery, Invitation),
}


@pytest.fixture
def one_row_per_model() -> list[Model]:
    """At least one row of every model; user-related rows are Mary's."""
    mary = make_person("mary")
    organization = Organization.objects.create(name="Acme")
    sign_in(Client(), mary)
    make_api_token(mary, "users:read")
    token = ApiToken.objects.get()
    webhook = make_webhook(mary, organization, secret="sealed-canary")
    return [
        mary,
        mary.profile,
        Metadata.objects.create(user=mary, public={"plan": "team"}),
        Group.objects.create(name="Editors"),
        organization,
        Membership.objects.create(user=mary, organization=organization),
        make_organization_invitation(organization, mary, email="nina@example.org"),
        Session.objects.get(),
        Suspension.objects.create(user=mary, reason="Sent spam."),
        AccountDeletion.objects.create(user=mary, expires_at="2100-01-01T00:00Z"),
        token,
        ServiceAccount.objects.get(pk=make_service("robot").pk),
        make_bulk_action(mary, mary),
        make_user_export(mary),
        make_user_import(mary, AccountErrorCode.EMAIL_TAKEN),
        Event.objects.earliest("id"),
        IntervalCounts.objects.create(interval="day", start="2026-01-01", log_ins=3),
        OutboxMessage.objects.create(subscriber="s", payload={}, dispatch_at="2026-01-01T00:00Z"),
        webhook,
        make_delivery(webhook, Event.objects.earliest("id")),
        Invitation.objects.create(
            email="olga@example.org", locale="en", expires_at="2100-01-01T00:00Z"
        ),
    ]


def test_every_page_has_a_unique_menu_position() -> None:
    menus = [
        model_admin.menu
        for model_admin in admin.site._registry.values()  # noqa: SLF001 - there is no other way
        if isinstance(model_admin, RosterAdmin)
    ]
    assert len(menus) == len(MODELS)
    assert len({(menu.section, menu.position) for menu in menus}) == len(menus)
    assert len({menu.icon for menu in menus}) == len(menus)


def secrets() -> Iterator[str]:
    yield from User.objects.values_list("password", flat=True)
    for session in Session.objects.exclude(cookie_digest=None):
        yield bytes(session.cookie_digest or b"").hex()
        yield str(session.cookie_digest)
    for token in ApiToken.objects.all():
        yield from (bytes(token.digest).hex(), str(token.digest))
    for invitation in (*OrganizationInvitation.objects.all(), *Invitation.objects.all()):
        yield from (invitation.nonce.hex, str(invitation.nonce))
    for deletion in AccountDeletion.objects.all():
        yield from (deletion.nonce.hex, str(deletion.nonce))
    yield from Webhook.objects.values_list("secret", flat=True)


def test_every_page_opens_and_shows_no_secret(
    client: Client, one_row_per_model: list[Model]
) -> None:
    sign_in(client, make_administrator())
    urls = ["/admin/", *map(list_url, MODELS), *map(change_url, one_row_per_model)]
    urls += ["/admin/accounts/user/add/", "/admin/auth/group/add/", "/admin/accounts/"]

    registered = {model for model in apps.get_models() if admin.site.is_registered(model)}
    assert {type(row) for row in one_row_per_model} == set(MODELS) == registered
    for url in urls:
        response = client.get(url)
        assert (url, response.status_code) == (url, 200)
        page = response.content.decode()
        assert not [secret for secret in secrets() if secret in page]


def test_staff_see_all_pages_except_audit_trail_and_outbox(
    client: Client, one_row_per_model: list[Model]
) -> None:
    sign_in(client, make_staff())

    for row in one_row_per_model:
        expected = 403 if type(row) in ADMINISTRATORS_ONLY else 200
        assert client.get(list_url(type(row))).status_code == expected
        assert client.get(change_url(row)).status_code == expected
    menu = client.get("/admin/").content.decode()
    assert list_url(Session) in menu
    assert list_url(Event) not in menu
    assert list_url(OutboxMessage) not in menu


def test_nothing_is_deleted_or_added_outside_the_services(
    client: Client, one_row_per_model: list[Model]
) -> None:
    sign_in(client, make_administrator())

    for row in one_row_per_model:
        delete = reverse(view_name(type(row), "delete"), args=[row.pk])
        assert client.get(delete).status_code == 403
        assert client.post(delete, {"post": "yes"}).status_code == 403
        client.post(
            list_url(type(row)),
            {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"},
        )
        assert client.get(change_url(row)).status_code == 200
        if type(row) not in {User, Group, Metadata, Suspension, AccountDeletion, ServiceAccount}:
            assert client.get(reverse(view_name(type(row), "add"))).status_code == 403
        if type(row) not in {User, Group, Profile, Metadata, Suspension}:
            assert client.post(change_url(row), {}).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_list_queries_do_not_depend_on_the_number_of_rows(
    client: Client,
    statements: Callable[[], AbstractContextManager[list[str]]],
    model: type[Model],
) -> None:
    organization = Organization.objects.create(name="Acme")

    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            user = User.objects.create(username=f"p{number:03}", email=f"p{number}@example.org")
            Profile.objects.create(user=user)
            group = Group.objects.create(name=f"Group {number}")
            user.groups.add(group)
            Membership.objects.create(user=user, organization=organization)
            Organization.objects.create(name=f"Organisation {number}")
            make_organization_invitation(organization, user, email=user.email)
            Session.objects.create(user=user, expires_at="2100-01-01T00:00Z")
            make_api_token(user, "users:read")
            make_service(f"service-{number}")
            Suspension.objects.create(user=user, reason="Sent spam.")
            AccountDeletion.objects.create(user=user, expires_at="2100-01-01T00:00Z")
            make_bulk_action(user, user)
            make_user_export(user)
            event = Event.objects.create(tag=Tag.LOGGED_IN, actor_id=user.pk, subject_id=user.pk)
            make_delivery(make_webhook(user, organization), event)
            IntervalCounts.objects.create(interval="day", start=f"2026-01-{number % 30 + 1:02}")
            OutboxMessage.objects.create(
                subscriber="s", payload={}, dispatch_at="2026-01-01T00:00Z"
            )

    def cost() -> list[str]:
        with statements() as captured:
            response = client.get(list_url(model))
        assert response.status_code == 200
        return captured

    sign_in(client, make_administrator())
    grow(0, 3)
    few = cost()
    grow(3, 30)
    many = cost()

    assert len(many) == len(few)
    # The session, its user (for Django's admin), the bounded count, the rows and, for users, their
    # groups.
    assert len(many) <= 5


def test_organization_shows_a_page_of_its_members(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    organization = Organization.objects.create(name="Acme")
    users = [User(username=f"p{n:02}", email=f"p{n}@example.org") for n in range(30)]
    for user in User.objects.bulk_create(users):
        Membership.objects.create(user=user, organization=organization)
    sign_in(client, make_staff())
    # Django reads the content type once per process.
    ContentType.objects.get_for_model(Organization)

    with statements() as captured:
        page = client.get(change_url(organization)).content.decode()

    assert sum(f">p{number:02}<" in page for number in range(30)) == 20
    # The session, its user, the organisation, and the count and rows of one page of members.
    assert len(captured) == 5


def test_counting_stops_at_the_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedPaginator, "limit", 2)
    for username in ("mary", "omar", "zoe"):
        make_person(username)
    sign_in(client, make_staff())

    response = client.get(list_url(User))

    assert response.context["cl"].result_count == 2
    assert "More than 2 people" in shown(response)
    assert "Search or filter to find the others." in shown(response)
    assert "More than 2" in shown(client.get("/admin/"))
    monkeypatch.setattr(BoundedPaginator, "limit", 4)
    response = client.get(list_url(User))
    assert "4 people" in shown(response)
    assert "ore than" not in shown(response)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "More than 1,234 results ( Show all )"),
        ("de", "Mehr als 1.234 Ergebnisse ( Alle anzeigen )"),
    ],
)
def test_number_of_results_is_beside_the_heading(
    client: Client, monkeypatch: pytest.MonkeyPatch, language: str, text: str
) -> None:
    monkeypatch.setattr(BoundedPaginator, "_counted", 5_000)
    monkeypatch.setattr(BoundedPaginator, "searched", 1_234)
    make_person("mary")
    sign_in(client, make_staff())
    response = client.get(list_url(User), {"q": "mary"}, headers={"accept-language": language})
    assert text in shown(response)
    heading = response.content.decode().partition("<h1")[2].partition("</h1>")[0]
    assert "1" not in re.sub(r"<[^>]*>", "", heading)


def test_empty_lists_say_what_that_means(client: Client) -> None:
    sign_in(client, make_administrator())
    for model in set(MODELS) - {User, Profile, Session, Event}:
        page: Any = admin.site.get_model_admin(model)
        assert (model, page.empty_title) != (model, RosterAdmin.empty_title)
        text = html.unescape(shown(client.get(list_url(model))))
        assert (model, str(page.empty_title) in text) == (model, True)
        assert (model, str(page.empty_text) in text) == (model, True)

    text = shown(client.get(list_url(OutboxMessage), {"q": "mail"}))
    assert "Nothing matches this search and these filters." in text
    assert "nothing has failed" not in text


def test_outbox_shows_due_and_failing_messages(client: Client) -> None:
    soon = "2100-01-01T00:00Z"
    for subscriber, retry_at, attempts in (
        ("dispatched", None, 0),
        ("dispatched again", None, FAILING_AFTER),
        ("pausing", soon, FAILING_AFTER),
    ):
        OutboxMessage.objects.create(
            subscriber=subscriber,
            payload={},
            dispatch_at=soon,
            retry_at=retry_at,
            attempts=attempts,
        )
    sign_in(client, make_administrator())

    def listed(**parameters: str) -> set[str]:
        response = client.get(list_url(OutboxMessage), parameters)
        return {message.subscriber for message in response.context["cl"].result_list}

    assert listed() == {"dispatched", "dispatched again", "pausing"}
    assert listed(state="due") == {"dispatched", "dispatched again"}
    assert listed(state="failing") == {"dispatched again", "pausing"}


def test_user_page_links_to_related_rows(client: Client) -> None:
    rosa = make_administrator()
    sign_in(client, rosa)

    for name, target in (("sessions", Session), ("events", Event)):
        response = client.get(f"/admin/accounts/user/{rosa.pk}/{name}/")
        assert response["Location"] == f"{list_url(target)}?q={rosa.pk}"
    profile = client.get(f"/admin/accounts/user/{rosa.pk}/profile/")
    assert profile["Location"] == change_url(rosa.profile)
    assert client.get(f"/admin/accounts/user/{rosa.pk}/history/").status_code == 404


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Manages accounts, roles and groups, and reads the audit trail."),
        ("de", "Verwaltet Konten, Rollen und Gruppen und liest das Prüfprotokoll."),
    ],
)
def test_roles_have_one_name(client: Client, language: str, text: str) -> None:
    rosa = make_administrator()
    sign_in(client, rosa)
    make_service("robot")
    forms = [change_url(rosa), reverse(view_name(User, "add"))]
    forms.append(reverse(view_name(ServiceAccount, "add")))
    for url in (*forms, list_url(User), list_url(ServiceAccount)):
        page = shown(client.get(url, headers={"Accept-Language": language}))
        assert "dministrator" in page
        assert "superuser" not in page.lower()
        assert "Administrator-Status" not in page
        assert (text in page) == (url in forms)
