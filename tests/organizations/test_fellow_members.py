"""Members of an organisation see one another, without private fields."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from core.security.actor import Actor
from tests.accounts.test_directory import BY_ID, PRIVATE, found_by, users_by_name
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import (
    make_organization,
    make_organization_invitation,
    make_user,
    node_id,
)
from users.accounts.models import User
from users.organizations.models import Membership, Organization, Role

ClientOf = Callable[[User], GraphQLClient]


@pytest.fixture
def archers(alice: User, charlie: User) -> Organization:
    """Return an organisation of Alice and Charlie, who are not public."""
    return make_organization("Archers", alice, charlie)


def test_fellow_members_see_one_another(
    client_of: ClientOf,
    anonymous: GraphQLClient,
    archers: Organization,
    alice: User,
    bob: User,
    charlie: User,
) -> None:
    dora = make_user("dora")
    make_organization("Bakers", charlie, dora)
    all_users = [alice, bob, charlie, dora]
    for viewer, expected in (
        (alice, [alice, bob, charlie]),
        (bob, [bob]),
        (charlie, all_users),
        # Visibility is not transitive.
        (dora, [bob, charlie, dora]),
    ):
        client = client_of(viewer)
        assert [user for user in all_users if found_by(client, user)] == expected
        # The directory lists public users only.
        assert set(users_by_name(client)) == {"bob", viewer.username}
    assert not found_by(anonymous, charlie)


def test_private_fields_stay_private(
    client_of: ClientOf, archers: Organization, alice: User, charlie: User
) -> None:
    Membership.objects.filter(user=alice).update(role=Role.OWNER)
    seen = client_of(alice)(BY_ID, id=node_id(charlie)).data["user"]
    assert {name: seen[name] for name in PRIVATE} == dict.fromkeys(PRIVATE)
    assert (seen["username"], seen["name"]) == ("charlie", "Charlie Cook")


def test_former_members_are_not_visible(
    client_of: ClientOf, archers: Organization, alice: User, charlie: User
) -> None:
    client = client_of(alice)
    assert found_by(client, charlie)
    Membership.objects.filter(user=charlie).delete()
    assert not found_by(client, charlie)
    assert not found_by(client_of(charlie), alice)


def test_managers_see_inactive_members_to_remove_them(
    client_of: ClientOf, archers: Organization, alice: User, charlie: User
) -> None:
    User.objects.filter(pk=charlie.pk).update(is_active=False)
    assert found_by(client_of(alice), charlie)


def test_inviter_is_seen_by_fellow_members_only(
    client_of: ClientOf, archers: Organization, alice: User, charlie: User, root: User
) -> None:
    Membership.objects.filter(user=alice).update(role=Role.OWNER)
    for inviter in (charlie, root):
        make_organization_invitation(archers, inviter, email=f"by-{inviter}@example.org")
    query = "query ($id: ID!) { organization(id: $id) { invitations { inviter { username } } } }"
    found = client_of(alice)(query, id=node_id(archers)).data["organization"]["invitations"]
    assert found == [{"inviter": None}, {"inviter": {"username": "charlie"}}]


def test_membership_rule_costs_staff_no_query(
    client_of: ClientOf,
    alice: User,
    sam: User,
    statements: Callable[[], AbstractContextManager[Statements]],
) -> None:
    asked = []
    for user in (sam, alice):
        client = client_of(user)
        with statements() as captured:
            assert client("query ($id: ID!) { user(id: $id) { id } }", id=node_id(alice)).data
        _actor, statement = captured
        asked.append("organizations_membership" in statement)
    assert asked == [False, True]


def test_fellow_members_are_not_read_to_see_one_of_them(
    archers: Organization, alice: User, charlie: User
) -> None:
    visible = User.objects.visible_to(Actor(user_id=alice.pk)).filter(pk=charlie.pk)
    plan = visible.explain()
    assert "organizations_membership" in plan
    assert "hashed SubPlan" not in plan
