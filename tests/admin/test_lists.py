"""Lists: each row appears once, on any page, and the statements are bounded."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import chain

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    shown,
    sign_in,
)
from tests.support.factories import make_factors, make_session
from users.accounts.models import EmailAddress, Profile, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.admin.base import RosterAdmin
from users.admin.lists import BoundedPaginator
from users.authentication.models import Suspension
from users.organizations.models import Membership, Organization

pytestmark = pytest.mark.django_db

Statements = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def users() -> list[User]:
    """Thirty users with profiles and a group; every third is named Mary."""
    group = Group.objects.create(name="Editors")
    made = []
    for number in range(30):
        name = "Mary" if number % 3 == 0 else "Omar"
        user = User.objects.create(
            username=f"p{number:02}", email=f"p{number:02}@example.org", name=name
        )
        Profile.objects.create(user=user)
        user.groups.add(group)
        made.append(user)
    return made


def usernames(client: Client, url: str, **parameters: str) -> list[str]:
    response = client.get(url, parameters)
    assert response.status_code == 200
    rows = response.context["cl"].result_list
    return [getattr(row, "user", row).username for row in rows]


@pytest.mark.parametrize("model", [User, Profile])
def test_pages_of_filtered_rows_concatenate(
    client: Client, monkeypatch: pytest.MonkeyPatch, users: list[User], model: type[User | Profile]
) -> None:
    monkeypatch.setattr(RosterAdmin, "list_per_page", 4)
    sign_in(client, make_staff())
    url = list_url(model)

    found = [usernames(client, url, q="mar mary", p=str(page)) for page in (1, 2, 3)]

    assert [len(page) for page in found] == [4, 4, 2]
    assert [*chain(*found)] == [user.username for user in users if user.name == "Mary"]
    assert client.get(url, {"q": "mary", "p": "4"}).status_code == 302
    assert usernames(client, url, q="--") == []


def test_members_of_a_group_are_listed_once(
    client: Client, statements: Statements, users: list[User]
) -> None:
    group = Group.objects.get()
    sign_in(client, make_staff())

    with statements() as captured:
        found = usernames(client, list_url(User), groups__id__exact=str(group.pk))

    assert found == [user.username for user in users]
    assert not [sql for sql in captured if "DISTINCT" in sql]
    assert client.get(list_url(User), {"groups__id__exact": "x"}).status_code == 302


def test_undeliverable_addresses_are_marked(client: Client, users: list[User]) -> None:
    sign_in(client, make_staff())
    User.objects.filter(pk=users[3].pk).update(email_undeliverable_at=timezone.now())
    response = client.get(list_url(User))
    assert response.content.decode().count('dark:text-red-500">Undeliverable<') == 1
    assert usernames(client, list_url(User), email="undeliverable") == ["p03"]


def test_secondary_address_finds_the_user(client: Client) -> None:
    mary = make_person("mary")
    make_person("omar")
    EmailAddress.objects.create(user=mary, email="other@example.net", verified_at=timezone.now())
    sign_in(client, make_staff())

    for url in (list_url(User), list_url(Profile)):
        assert usernames(client, url, q="Other@example.net") == ["mary"]
        assert usernames(client, url, q="unknown@example.net") == []


def test_related_rows_are_read_for_one_page_only(
    client: Client,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
    users: list[User],
) -> None:
    monkeypatch.setattr(RosterAdmin, "list_per_page", 10)
    organization = Organization.objects.create(name="Acme")
    for user in users:
        Membership.objects.create(user=user, organization=organization)
    sign_in(client, make_staff())

    with statements() as captured:
        client.get(list_url(Membership), {"p": "3"})

    (sql,) = [sql for sql in captured if "OFFSET 20" in sql]
    # Related rows are joined to the keys of the page only.
    keys = sql[sql.index(" IN (") :]
    assert '"organizations_organization"' in sql
    assert '"organizations_organization"' not in keys
    assert '"accounts_user"' not in keys


def test_member_count_is_bounded(
    client: Client,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
    users: list[User],
) -> None:
    monkeypatch.setattr(BoundedPaginator, "limit", 25)
    organization = Organization.objects.create(name="Acme")
    for user in users:
        Membership.objects.create(user=user, organization=organization)
    sign_in(client, make_staff())

    with statements() as captured:
        page = client.get(change_url(organization), {"memberships-page": "2"})

    counts = [sql for sql in captured if "COUNT(*)" in sql]
    assert len(counts) == 1
    # One more shows that there are others.
    assert "LIMIT 26" in counts[0]
    assert "More than 25 memberships" in shown(page)
    # Newest first.
    found = [user.username for user in users if f">{user.username}<" in page.content.decode()]
    assert found == [user.username for user in users[:10]]


def make_full_user(username: str, count: int) -> User:
    """Create a suspended user with ``count`` rows of each table of the user's page."""
    user = make_person(username)
    make_factors(user, passkeys=count)
    for number in range(count):
        name = f"{username}{number}"
        email, now = f"{name}@example.net", timezone.now()
        EmailAddress.objects.create(user=user, email=email, verified_at=now)
        user.groups.add(Group.objects.create(name=f"Group {name}"))
        organization = Organization.objects.create(name=f"Organisation {name}")
        Membership.objects.create(user=user, organization=organization)
        make_session(user)
        Event.objects.create(tag=Tag.USER_SUSPENDED, actor_id=user.pk, subject_id=user.pk)
    Suspension.objects.create(user=user, reason="Spam")
    User.objects.filter(pk=user.pk).update(is_active=False)
    return user


def test_user_page_takes_few_statements(client: Client, statements: Statements) -> None:
    mary, omar = make_full_user("mary", 4), make_full_user("omar", 1)
    sign_in(client, make_administrator())
    ContentType.objects.get_for_model(User)

    with statements() as captured:
        page = client.get(change_url(mary)).content.decode()
    with statements() as fewer:
        client.get(change_url(omar))

    for number in range(4):
        for text in ("Key {}", "mary{}@example.net", "Group mary{}", "Organisation mary{}"):
            assert text.format(number) in page
    for text in ("Authenticator app", "Spam", "<dd>mary</dd>"):
        assert text in page
    assert len(captured) == len(set(captured))
    # The session and its user; the page's user with all but lists; groups and, for the form, their
    # options. The overview's sessions, memberships and events.
    assert len(captured) == len(fewer) == 8


def test_users_are_ordered_by_indexed_columns(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_administrator())

    for number, column in enumerate(client.get(list_url(User)).context["cl"].list_display):
        page = client.get(list_url(User), {"o": str(number)}).content.decode()
        assert (f"?o=-{number}" in page) is (column in {"identity", "address", "date_joined"})
