"""Custom permissions, and permissions granted to users directly."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from core.database.ids import new_id
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_service, make_user, node_id
from tests.support.signing_in import tags
from users.accounts.models import User
from users.accounts.permissions import permissions_of
from users.activity.tags import Tag

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

ANSWER = "permission { name description } errors { code field }"
CREATE = f"""
    mutation ($name: String!, $description: String! = "Can pay invoices") {{
      createPermission(input: {{name: $name, description: $description}}) {{ {ANSWER} }}
    }}
"""
DESCRIBE = f"""
    mutation ($name: String!, $description: String!) {{
      describePermission(input: {{name: $name, description: $description}}) {{ {ANSWER} }}
    }}
"""
DELETE = """
    mutation ($name: String!) {
      deletePermission(input: {name: $name}) { errors { code field } }
    }
"""
GIVE = """
    mutation ($user: ID!, $permissions: [String!]!) {
      updateUser(input: {userId: $user, permissions: $permissions}) {
        user { permissions } errors { code field }
      }
    }
"""
MINE = "{ me { permissions } }"
PAY = "billing.pay_invoice"


@pytest.fixture
def admin(client_of: ClientOf, root: User) -> GraphQLClient:
    return client_of(root)


def test_life_of_a_permission(client_of: ClientOf, admin: GraphQLClient, alice: User) -> None:
    client = client_of(alice)
    assert client(MINE).data == {"me": {"permissions": []}}
    count = len(admin(MINE).data["me"]["permissions"])
    created = admin(CREATE, name=PAY).data["createPermission"]
    assert created["permission"] == {"name": PAY, "description": "Can pay invoices"}
    # Administrators have all permissions.
    assert len(admin(MINE).data["me"]["permissions"]) == count + 1

    given = admin(GIVE, user=node_id(alice), permissions=[PAY, PAY]).data["updateUser"]
    assert given["user"] == {"permissions": [PAY]}
    assert client(MINE).data == {"me": {"permissions": [PAY]}}

    described = admin(DESCRIBE, name=PAY, description="Can pay").data["describePermission"]
    assert described["permission"] == {"name": PAY, "description": "Can pay"}
    assert admin(DESCRIBE, name=PAY, description="Can pay").problems == []

    assert admin(DELETE, name=PAY).problems == []
    assert client(MINE).data == {"me": {"permissions": []}}
    assert len(admin(MINE).data["me"]["permissions"]) == count
    assert tags() == [
        Tag.PERMISSION_CHANGED,
        Tag.USER_PERMISSIONS_CHANGED,
        Tag.PERMISSION_CHANGED,
        Tag.PERMISSION_DELETED,
    ]


def test_group_loses_a_permission_that_is_deleted(
    client_of: ClientOf, admin: GraphQLClient, alice: User
) -> None:
    assert admin(CREATE, name=PAY).problems == []
    group = Group.objects.create(name="Payers")
    group.permissions.add(Permission.objects.get(codename="pay_invoice"))
    alice.groups.add(group)
    client = client_of(alice)
    assert client(MINE).data == {"me": {"permissions": [PAY]}}
    assert admin(DELETE, name=PAY).problems == []
    assert client(MINE).data == {"me": {"permissions": []}}


def test_permissions_of_many_users_are_read_by_one_statement(
    alice: User, bob: User, charlie: User, root: User, statements: Capture
) -> None:
    service, past = make_service("robot"), make_user("past", is_superuser=True, is_active=False)
    view, change, delete = (
        Permission.objects.get(codename=f"{verb}_user") for verb in ("view", "change", "delete")
    )
    editors, readers = (Group.objects.create(name=name) for name in ("Editors", "Readers"))
    editors.permissions.set([view, change])
    readers.permissions.set([view])
    alice.groups.set([editors, readers])
    alice.user_permissions.set([view, delete])
    service.groups.set([readers])
    past.groups.set([editors])
    bob.user_permissions.set([change])
    missing = new_id()
    users = [past.pk, charlie.pk, bob.pk, missing, service.pk, root.pk, alice.pk]

    with statements() as captured:
        found = permissions_of(users)

    names = Permission.objects.values_list("content_type__app_label", "codename")
    assert found == {
        alice.pk: ["accounts.change_user", "accounts.delete_user", "accounts.view_user"],
        bob.pk: ["accounts.change_user"],
        charlie.pk: [],
        service.pk: ["accounts.view_user"],
        past.pk: [],
        missing: [],
        root.pk: [".".join(each) for each in names.order_by("content_type__app_label", "codename")],
    }
    assert list(found) == users
    assert len(captured) == 1
    assert permissions_of([]) == {}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "pay",
        "billing.",
        ".pay",
        "billing.pay.more",
        "Billing.pay",
        "billing.pay invoice",
        "billing.päy",
        "billing.p\0",
        f"billing.{'p' * 101}",
        "accounts.pay",
        "auth.pay",
    ],
)
def test_invalid_name_is_refused(admin: GraphQLClient, name: str) -> None:
    before = Permission.objects.count()
    assert admin(CREATE, name=name).problems == [("VALUE_INVALID", "name")]
    assert (Permission.objects.count(), tags()) == (before, [])


@pytest.mark.parametrize("description", ["", "d" * 256, "\0"])
def test_bad_description_is_refused(admin: GraphQLClient, description: str) -> None:
    refused: Any = [("VALUE_INVALID", "description")]
    assert admin(CREATE, name=PAY, description=description).problems == refused
    assert admin(CREATE, name=PAY).problems == []
    assert admin(DESCRIBE, name=PAY, description=description).problems == refused
    assert tags() == [Tag.PERMISSION_CHANGED]


def test_name_is_taken_once(admin: GraphQLClient) -> None:
    assert admin(CREATE, name=PAY).problems == []
    assert admin(CREATE, name=PAY).problems == [("VALUE_INVALID", "name")]


@pytest.mark.parametrize("name", ["", "x", "a.b", "accounts.view_user", "a\0.b"])
def test_only_custom_permissions_change(admin: GraphQLClient, name: str) -> None:
    before = Permission.objects.count()
    assert admin(DELETE, name=name).problems == [("NOT_FOUND", "name")]
    assert admin(DESCRIBE, name=name, description="x").problems == [("NOT_FOUND", "name")]
    assert (Permission.objects.count(), tags()) == (before, [])


def test_unknown_permission_cannot_be_granted(admin: GraphQLClient, alice: User) -> None:
    answer = admin(GIVE, user=node_id(alice), permissions=["accounts.view_user", "a.fly"])
    assert answer.problems == [("NOT_FOUND", "permissions")]
    assert not alice.user_permissions.exists()
