"""Cached answers with groups and permissions: each change is seen by the next request."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from core.security.actor import SYSTEM
from tests.support.cached_answers import outcomes, warm
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_organization, make_session, make_token, node_id
from users.accounts.models import User
from users.accounts.services.groups import delete_group, grant_group_permissions
from users.accounts.services.permissions import (
    create_permission,
    delete_permission,
    describe_permission,
)
from users.organizations.models import Organization

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

ME: Final = "{ me { permissions groups { name permissions } } }"
USER: Final = "query ($id: ID!) { user(id: $id) { permissions } }"
MEMBERS: Final = """query ($id: ID!) {
  organization(id: $id) { members(first: 9) { nodes { user { permissions } } } }
}"""
GROUPS: Final = "{ groups(first: 9) { totalCount { value } nodes { id name permissions } } }"
PERMISSIONS: Final = "{ permissions { name description } }"
NODE: Final = """query ($id: ID!) {
  node(id: $id) {
    id
    ... on User { name effective: permissions }
    ... on Organization { name members(first: 9) { nodes { role user { name } } } }
    ... on Group { name permissions }
    ... on Session { ip }
  }
}"""
PAY: Final = "billing.pay"
Changes = Mapping[str, Callable[[], object]]


@pytest.fixture(autouse=True)
def editors(alice: User) -> Group:
    """Return a group with Alice and one permission; there is another permission."""
    create_permission(PAY, actor=SYSTEM, description="Can pay")
    group = Group.objects.create(name="Editors")
    group.permissions.add(Permission.objects.get(codename="view_user"))
    alice.groups.add(group)
    return group


@pytest.fixture
def organization(alice: User, bob: User) -> Organization:
    return make_organization("Club", alice, bob)


def pay() -> Permission:
    return Permission.objects.get(name="Can pay")


def check(client: GraphQLClient, query: str, changes: Changes, **variables: Any) -> None:
    """Check that the answer is cached, and that each change by another connection shows."""

    ask = partial(client, query, **variables)
    assert [outcomes(ask) for _time in range(3)] == [["first"], ["miss"], ["hit"]]
    for name, change in changes.items():
        former = warm(client, query, **variables)
        run_concurrently(change)
        # Other rights of the requester are another key.
        assert outcomes(ask) in (["changed"], ["first"]), name
        assert ask().data != former, name


def changes_of_rights(alice: User, editors: Group) -> Changes:
    """Return changes of Alice's permissions, one after the other."""
    users = User.objects.filter(pk=alice.pk)
    return {
        "granted to the group": lambda: grant_group_permissions(
            editors.pk, actor=SYSTEM, permissions=["accounts.change_user"]
        ),
        "revoked from the group": lambda: editors.permissions.remove(
            Permission.objects.get(codename="change_user")
        ),
        "granted to the user": lambda: alice.user_permissions.add(pay()),
        "renamed": lambda: Permission.objects.filter(pk=pay().pk).update(codename="charge"),
        "renamed application": lambda: ContentType.objects.filter(app_label="billing").update(
            app_label="invoices"
        ),
        "an administrator": lambda: users.update(is_superuser=True),
        "created": lambda: create_permission("wiki.edit", actor=SYSTEM, description="Can edit"),
        "deleted": lambda: delete_permission("wiki.edit", actor=SYSTEM),
        "no administrator": lambda: users.update(is_superuser=False),
        "revoked from the user": alice.user_permissions.clear,
        "removed from the group": lambda: alice.groups.remove(editors),
        "added to the group": lambda: alice.groups.add(editors),
        "group deleted": lambda: delete_group(editors.pk, actor=SYSTEM),
    }


def test_changes_of_ones_own_permissions_are_seen(alice: User, editors: Group) -> None:
    changes = {
        "group renamed": lambda: Group.objects.update(name="Writers"),
        **changes_of_rights(alice, editors),
    }
    check(GraphQLClient(make_token(alice)), ME, changes)


def test_changes_of_a_users_permissions_are_seen(alice: User, sam: User, editors: Group) -> None:
    changes = {
        **changes_of_rights(alice, editors),
        "granted again": lambda: alice.user_permissions.add(pay()),
        "deactivated": lambda: User.objects.filter(pk=alice.pk).update(is_active=False),
    }
    check(GraphQLClient(make_token(sam)), USER, changes, id=node_id(alice))


def test_changes_of_members_permissions_are_seen(
    alice: User, sam: User, editors: Group, organization: Organization
) -> None:
    changes = changes_of_rights(alice, editors)
    check(GraphQLClient(make_token(sam)), MEMBERS, changes, id=node_id(organization))


def changes_of_groups(editors: Group) -> Changes:
    """Return changes of a group, one after the other."""
    return {
        "renamed": lambda: Group.objects.filter(pk=editors.pk).update(name="Writers"),
        "granted": lambda: editors.permissions.add(pay()),
        "permission renamed": lambda: Permission.objects.filter(pk=pay().pk).update(codename="x"),
        "application renamed": lambda: ContentType.objects.filter(app_label="billing").update(
            app_label="invoices"
        ),
        "permission deleted": lambda: delete_permission("invoices.x", actor=SYSTEM),
        "revoked": editors.permissions.clear,
        "deleted": lambda: delete_group(editors.pk, actor=SYSTEM),
    }


def test_changes_of_groups_are_seen_in_their_list(sam: User, editors: Group) -> None:
    changes = {
        "created": lambda: Group.objects.create(name="Authors"),
        **changes_of_groups(editors),
    }
    check(GraphQLClient(make_token(sam)), GROUPS, changes)


def test_changes_of_permissions_are_seen_in_their_list(sam: User) -> None:
    changes: Changes = {
        "created": lambda: create_permission("wiki.edit", actor=SYSTEM, description="Can edit"),
        "described": lambda: describe_permission("wiki.edit", actor=SYSTEM, description="Edits"),
        "renamed": lambda: Permission.objects.filter(pk=pay().pk).update(codename="charge"),
        "application renamed": lambda: ContentType.objects.filter(app_label="billing").update(
            app_label="invoices"
        ),
        "deleted": lambda: delete_permission("wiki.edit", actor=SYSTEM),
    }
    check(GraphQLClient(make_token(sam)), PERMISSIONS, changes)


def test_staff_who_lose_the_role_lose_the_lists(sam: User) -> None:
    client = GraphQLClient(make_token(sam))
    for query in (GROUPS, PERMISSIONS):
        User.objects.filter(pk=sam.pk).update(is_staff=True)
        warm(client, query)
        User.objects.filter(pk=sam.pk).update(is_staff=False)
        assert client(query).codes == ["FORBIDDEN"]


def test_changes_of_nodes_are_seen(
    alice: User, bob: User, sam: User, editors: Group, organization: Organization
) -> None:
    client = GraphQLClient(make_token(sam))
    check(client, NODE, changes_of_rights(alice, editors), id=node_id(alice))
    changes: Changes = {
        "renamed": lambda: Organization.objects.update(name="Team"),
        "member renamed": lambda: User.objects.filter(pk=bob.pk).update(name="Robert"),
        "member left": lambda: bob.memberships.all().delete(),
        "deleted": lambda: Organization.objects.all().delete(),
    }
    check(client, NODE, changes, id=node_id(organization))


def test_changes_of_a_group_are_seen_by_its_members(alice: User, editors: Group) -> None:
    changes = {
        "left": alice.groups.clear,
        "joined": lambda: alice.groups.add(editors),
        **changes_of_groups(editors),
    }
    check(GraphQLClient(make_token(alice)), NODE, changes, id=node_id(editors))


def test_nodes_of_other_types_are_not_cached(alice: User) -> None:
    client = GraphQLClient(make_token(alice))
    for id_ in (node_id(make_session(alice)), "", "x"):
        ask = partial(client, NODE, id=id_)
        assert [outcomes(ask) for _time in range(3)] == [[], [], []]


def test_counts_of_days_are_not_cached(sam: User) -> None:
    client = GraphQLClient(make_token(sam))
    query = '{ analytics(from: "2026-01-01", to: "2026-01-02") { newUsers } me { id } }'
    assert [outcomes(lambda: client(query).data) for _time in range(3)] == [[], [], []]
