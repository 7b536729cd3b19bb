"""Lost updates: concurrent writers do not undo each other's changes."""

import datetime as dt
import re
from collections.abc import Callable
from functools import partial
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client

from core.security.actor import SYSTEM
from tests.admin.support import (
    change_url,
    errors,
    make_administrator,
    make_person,
    sign_in,
)
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import make_permission, make_token, make_user, node_id
from tests.support.other_connections import locked_elsewhere
from users.accounts.models import Metadata, User
from users.accounts.services.groups import grant_group_permissions, update_group
from users.accounts.services.permissions import create_permission, delete_permission
from users.accounts.services.set_change import MAX_CHANGES
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Suspension
from users.authentication.services.suspension import reactivate_user, suspend_user

ClientOf = Callable[[User], GraphQLClient]

ROUNDS = 5
VIEW, CHANGE = "accounts.view_user", "accounts.change_user"
MISSING = "VXNlcjo1"


def call(client: GraphQLClient, name: str, /, **input_: Any) -> Answer:
    type_ = f"{name[0].upper()}{name[1:]}Input"
    query = f"mutation ($input: {type_}!) {{ {name}(input: $input) {{ errors {{ code field }} }} }}"
    return client(query, input=input_)


def names(held: Any) -> list[str]:
    return sorted(f"{each.content_type.app_label}.{each.codename}" for each in held.all())


@pytest.fixture
def groups(db: None) -> list[Group]:
    return [Group.objects.create(name=name) for name in ("Editors", "Authors", "Readers")]


# API -------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_administrators_change_groups_at_once_and_both_changes_survive() -> None:
    alice = make_user("alice")
    editors, authors = (Group.objects.create(name=name) for name in ("Editors", "Authors"))
    clients = [
        GraphQLClient(make_token(make_user(name, is_staff=True, is_superuser=True)))
        for name in ("root", "rita")
    ]
    for _round in range(ROUNDS):
        alice.groups.set([authors])
        add = partial(call, clients[0], "addToGroups", userId=node_id(alice))
        remove = partial(call, clients[1], "removeFromGroups", userId=node_id(alice))
        answers = run_concurrently(
            partial(add, groupIds=[node_id(editors)]), partial(remove, groupIds=[node_id(authors)])
        )
        assert [answer.problems for answer in answers] == [[], []]
        assert list(alice.groups.all()) == [editors]


@pytest.mark.django_db(transaction=True)
def test_two_administrators_grant_and_revoke_at_once_and_both_changes_survive() -> None:
    alice, group = make_user("alice"), Group.objects.create(name="Editors")
    clients = [
        GraphQLClient(make_token(make_user(name, is_staff=True, is_superuser=True)))
        for name in ("root", "rita")
    ]
    view = Permission.objects.get(codename="view_user")
    for kind, target, held in (
        ("User", {"userId": node_id(alice)}, alice.user_permissions),
        ("Group", {"groupId": node_id(group)}, group.permissions),
    ):
        for _round in range(ROUNDS):
            held.set([view])
            answers = run_concurrently(
                partial(
                    call, clients[0], f"grant{kind}Permissions", permissions=[CHANGE], **target
                ),
                partial(call, clients[1], f"revoke{kind}Permissions", permissions=[VIEW], **target),
            )
            assert [answer.problems for answer in answers] == [[], []]
            assert names(held) == [CHANGE]


@pytest.mark.django_db(transaction=True)
def test_concurrent_grant_and_deletion_are_serialized() -> None:
    alice = make_user("alice")
    clients = [
        GraphQLClient(make_token(make_user(name, is_staff=True, is_superuser=True)))
        for name in ("root", "rita")
    ]
    for number in range(ROUNDS):
        group = node_id(Group.objects.create(name=f"Group {number}"))
        added, deleted = run_concurrently(
            partial(call, clients[0], "addToGroups", userId=node_id(alice), groupIds=[group]),
            partial(call, clients[1], "deleteGroup", groupId=group),
        )
        assert added.problems in ([], [("NOT_FOUND", "groupIds")])
        assert deleted.problems == []
        permission = f"billing.pay_{number}"
        create = partial(call, clients[0], "createPermission", name=permission)
        assert create(description="Can pay").problems == []
        granted, deleted = run_concurrently(
            partial(
                call,
                clients[0],
                "grantUserPermissions",
                userId=node_id(alice),
                permissions=[permission],
            ),
            partial(call, clients[1], "deletePermission", name=permission),
        )
        assert granted.problems in ([], [("NOT_FOUND", "permissions")])
        assert deleted.problems == []
    assert not alice.groups.exists()
    assert not alice.user_permissions.exists()


@pytest.mark.django_db(transaction=True)
def test_changed_groups_and_permissions_wait_for_no_holder() -> None:
    group = Group.objects.create(name="Editors")
    for user in (make_user("alice"), make_user("root", is_staff=True, is_superuser=True)):
        user.groups.add(group)

    def change() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        create_permission("billing.pay", actor=SYSTEM, description="Can pay")
        grant_group_permissions(group.pk, actor=SYSTEM, permissions=["billing.pay"])
        update_group(group.pk, actor=SYSTEM, name="Writers")
        delete_permission("billing.pay", actor=SYSTEM)

    with locked_elsewhere("SELECT FROM accounts_user FOR UPDATE"):
        run_concurrently(change)

    group.refresh_from_db()
    assert (group.name, names(group.permissions)) == ("Writers", [])


@pytest.mark.parametrize(
    ("name", "opposite", "field", "tag"),
    [
        ("addToGroups", "removeFromGroups", "groupIds", Tag.USER_GROUPS_CHANGED),
        (
            "grantUserPermissions",
            "revokeUserPermissions",
            "permissions",
            Tag.USER_PERMISSIONS_CHANGED,
        ),
        ("grantGroupPermissions", "revokeGroupPermissions", "permissions", Tag.GROUP_CHANGED),
    ],
)
def test_changes_are_idempotent_and_keep_the_rest(
    client_of: ClientOf,
    root: User,
    alice: User,
    groups: list[Group],
    name: str,
    opposite: str,
    field: str,
    tag: Tag,
) -> None:
    group = groups[0]
    target: dict[str, Any] = {"groupId": node_id(group)}
    held: Any = group.permissions
    if "Group" not in name or field == "groupIds":
        target = {"userId": node_id(alice)}
        held = alice.groups if field == "groupIds" else alice.user_permissions
    values = [node_id(each) for each in groups[:2]] if field == "groupIds" else [VIEW, CHANGE]
    rest = groups[2] if field == "groupIds" else Permission.objects.get(codename="view_profile")
    held.add(rest)
    client = client_of(root)

    for _twice in range(2):
        assert call(client, name, **target, **{field: [*values, *values]}).problems == []
        assert held.count() == 3
        assert list(Event.objects.values_list("tag", flat=True)) == [tag]
    for _twice in range(2):
        assert call(client, opposite, **target, **{field: values}).problems == []
        assert list(held.all()) == [rest]
        assert Event.objects.count() == 2
    for change in (name, opposite):
        assert call(client, change, **target, **{field: []}).problems == []
        many = [values[0]] * (MAX_CHANGES + 1)
        assert call(client, change, **target, **{field: many}).problems == [
            ("VALUE_INVALID", field)
        ]
        for unknown in ("R3JvdXA6MTIz", "R3JvdXA6" + "OTk5" * 20, "nonsense"):
            answer = call(client, change, **target, **{field: [values[0], unknown]})
            assert answer.problems == [("NOT_FOUND", field)]
        nowhere = dict.fromkeys(target, MISSING)
        (missing,) = target
        assert call(client, change, **nowhere, **{field: values}).problems == [
            ("NOT_FOUND", missing)
        ]
    assert Event.objects.count() == 2


def test_metadata_updates_check_expected_values(
    client_of: ClientOf, root: User, alice: User
) -> None:
    client, user = client_of(root), node_id(alice)
    update = partial(call, client, "updateMetadata", userId=user, mode="REPLACE")
    assert update(public={"tags": ["a"]}, expectedPublic={}).problems == []
    read = {"tags": ["a"]}
    assert update(public={"tags": ["a", "b"]}, expectedPublic=read).problems == []
    count = Event.objects.count()

    late = update(public={"tags": ["a", "c"]}, private={"crm": 1}, expectedPublic=read)
    assert late.problems == [("CONFLICT", "expectedPublic")]
    assert update(private={"crm": 1}, expectedPrivate={"crm": 0}).problems == [
        ("CONFLICT", "expectedPrivate")
    ]
    row = Metadata.objects.get()
    assert (row.public, row.private) == ({"tags": ["a", "b"]}, {})
    assert Event.objects.count() == count
    # Equal as JSON, regardless of the order of keys.
    assert update(public={"x": 1, "y": 2}).problems == []
    assert update(public={}, expectedPublic={"y": 2, "x": 1}).problems == []
    others: list[Any] = [[], "x", 1]
    for expected in others:
        assert update(expectedPublic=expected).problems == [("CONFLICT", "expectedPublic")]
    # Null is rejected, as for all optional fields.
    assert update(expectedPublic=None).problems == [("VALUE_INVALID", "expectedPublic")]


# Admin -----------------------------------------------------------------------------------


def filled_in(client: Client, url: str) -> dict[str, Any]:
    """Return the data that a browser submits for an unchanged form."""
    page = client.get(url)
    form = page.context["adminform"].form
    html = page.content.decode()
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if isinstance(value, dt.datetime):
            day, time = value.isoformat()[:19].split("T")
            data |= {f"{bound.html_name}_0": day, f"{bound.html_name}_1": time}
        elif isinstance(value, list):
            data[bound.html_name] = [str(getattr(key, "pk", key)) for key in value]
        elif value not in (False, None):
            data[bound.html_name] = "on" if value is True else value
        hidden = rf'<input type="hidden" name="({bound.html_initial_name}(?:_\d)?)"([^>]*)>'
        for name, attributes in re.findall(hidden, html):
            (shown,) = re.findall('value="([^"]*)"', attributes) or [""]
            data.setdefault(name, []).append(unescape(shown))
    return data


@pytest.mark.django_db
def test_stale_user_form_undoes_nothing(client: Client, groups: list[Group]) -> None:
    editors, authors, readers = groups
    mary = make_person("mary")
    mary.groups.set([editors, authors])
    sign_in(client, make_administrator())
    page = filled_in(client, change_url(mary))
    assert page["groups"] == page["initial-groups"] == [str(editors.pk), str(authors.pk)]
    # Meanwhile, another administrator changes everything.
    mary.groups.set([authors, readers])
    User.objects.filter(pk=mary.pk).update(name="Mary M.", is_public=True, is_staff=True)

    # The form removes a group and grants the administrator flag.
    changes = {"groups": [str(editors.pk)], "is_superuser": "on"}
    assert client.post(change_url(mary), page | changes).status_code == 302

    mary.refresh_from_db()
    assert (mary.name, mary.is_public, mary.is_staff, mary.is_superuser) == (
        *("Mary M.", True, True),
        True,
    )
    assert list(mary.groups.all()) == [readers]
    changes = {"groups": [str(editors.pk), str(authors.pk), str(readers.pk)]}
    Group.objects.filter(pk=authors.pk).delete()
    assert client.post(change_url(mary), page | changes).status_code == 200
    assert list(mary.groups.all()) == [readers]


@pytest.mark.django_db
def test_stale_profile_form_undoes_nothing(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    page = filled_in(client, change_url(mary.profile))
    type(mary.profile).objects.update(bio="New.", locale="de")

    assert client.post(change_url(mary.profile), page | {"nickname": "m"}).status_code == 302

    mary.profile.refresh_from_db()
    assert (mary.profile.bio, mary.profile.locale, mary.profile.nickname) == ("New.", "de", "m")


@pytest.mark.django_db
def test_stale_group_form_undoes_nothing(client: Client, groups: list[Group]) -> None:
    group = groups[0]
    view, change, add = (make_permission(f"crm.{what}") for what in ("view", "change", "add"))
    group.permissions.set([view])
    sign_in(client, make_administrator())
    page = filled_in(client, change_url(group))
    Group.objects.filter(pk=group.pk).update(name="Writers")
    group.permissions.set([change])

    changes = {"permissions": [str(view.pk), str(add.pk)]}
    assert client.post(change_url(group), page | changes).status_code == 302

    group.refresh_from_db()
    assert group.name == "Writers"
    assert set(group.permissions.all()) == {change, add}
    assert client.post(change_url(group), page | {"permissions": []}).status_code == 302
    assert set(group.permissions.all()) == {change, add}


@pytest.mark.django_db
def test_stale_metadata_form_shows_the_conflict(client: Client) -> None:
    row = Metadata.objects.create(user=make_person("mary"), public={"a": 1}, private={"b": 1})
    sign_in(client, make_administrator())
    page = filled_in(client, change_url(row))
    Metadata.objects.update(public={"a": 2})

    response = client.post(change_url(row), page | {"public": '{"a": 3}'})
    assert errors(response) == {
        "public": ["This was changed meanwhile. Read it again, then repeat your change."]
    }
    # The other kind is unchanged.
    assert client.post(change_url(row), page | {"private": '{"b": 2}'}).status_code == 302
    row.refresh_from_db()
    assert (row.public, row.private) == ({"a": 2}, {"b": 2})
    forged = page | {"public": '{"a": 3}', "initial-public": "{"}
    assert client.post(change_url(row), forged).status_code == 200
    add = "/admin/accounts/metadata/add/"
    answer = client.post(add, {"user": str(row.pk), "public": '{"a": 3}', "private": "{}"})
    assert answer.status_code == 200
    row.refresh_from_db()
    assert (row.public, row.private) == ({"a": 2}, {"b": 2})


@pytest.mark.django_db
def test_stale_suspension_form_undoes_nothing(client: Client) -> None:
    root, mary = make_administrator(), make_person("mary")
    until = dt.datetime(2100, 1, 1, 12, 0, tzinfo=dt.UTC)
    suspend_user(mary.pk, actor=SYSTEM, reason="Spam", until=until)
    row = Suspension.objects.get()
    sign_in(client, root)
    page = filled_in(client, change_url(row))
    Suspension.objects.update(until=None)

    assert client.post(change_url(row), page | {"reason": "Spam, twice"}).status_code == 302

    row.refresh_from_db()
    assert (row.reason, row.until) == ("Spam, twice", None)
    changed = {"until_0": "2101-01-01", "until_1": "12:00:00"}
    assert client.post(change_url(row), page | changed).status_code == 302
    row.refresh_from_db()
    assert (row.reason, row.until) == ("Spam, twice", until.replace(year=2101))
    reactivate_user(mary.pk, actor=SYSTEM)
    assert client.post(change_url(row), page | {"reason": "Spam, thrice"}).status_code == 302
    assert not Suspension.objects.exists()
