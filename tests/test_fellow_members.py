"""People who belong to one organisation see one another, and nothing private."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.client import GraphQLClient
from tests.conftest import Statements
from tests.factories import make_organization, make_organization_invitation, make_user, node_id
from tests.test_directory import PRIVATE, found_by, people_of
from users.accounts.models import User
from users.organizations.models import Membership, Organization, Role

ClientOf = Callable[[User], GraphQLClient]


@pytest.fixture
def archers(alice: User, charlie: User) -> Organization:
    """Return where Alice and Charlie belong, who are both not public."""
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
    everybody = [alice, bob, charlie, dora]
    for viewer, expected in (
        (alice, [alice, bob, charlie]),
        (bob, [bob]),
        (charlie, everybody),
        # Who shares an organisation with somebody of Alice's shares none with Alice.
        (dora, [bob, charlie, dora]),
    ):
        client = client_of(viewer)
        assert list(people_of(client)) == [user.username for user in expected]
        assert [user for user in everybody if found_by(client, user)] == expected
    assert not found_by(anonymous, charlie)


def test_what_is_private_stays_so(
    client_of: ClientOf, archers: Organization, alice: User, charlie: User
) -> None:
    Membership.objects.filter(user=alice).update(role=Role.OWNER)
    seen = people_of(client_of(alice))["charlie"]
    assert {name: seen[name] for name in PRIVATE} == dict.fromkeys(PRIVATE)
    assert (seen["username"], seen["name"]) == ("charlie", "Charlie Cook")


def test_who_leaves_is_out_of_sight(
    client_of: ClientOf, archers: Organization, alice: User, charlie: User
) -> None:
    client = client_of(alice)
    assert found_by(client, charlie)
    Membership.objects.filter(user=charlie).delete()
    assert not found_by(client, charlie)
    assert not found_by(client_of(charlie), alice)


def test_managers_see_members_who_may_not_sign_in_to_remove_them(
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


@pytest.mark.parametrize("field", ["id", "username"])
def test_staff_pay_nothing_for_it(
    client_of: ClientOf,
    alice: User,
    sam: User,
    statements: Callable[[], AbstractContextManager[Statements]],
    field: Any,
) -> None:
    query = f"{{ users(first: 5) {{ edges {{ node {{ {field} }} }} }} }}"
    pages = []
    for user in (sam, alice):
        client = client_of(user)
        with statements() as captured:
            assert client(query).codes == []
        _actor, page = captured
        pages.append("organizations_membership" in page)
    assert pages == [False, True]
