"""Changes of roles and removal of members; one owner remains."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import make_organization, make_token, make_user, node_id
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations.models import Membership, Organization, Role

ClientOf = Callable[[User], GraphQLClient]

CHANGE = """
    mutation ($organization: ID!, $user: ID!, $role: Role!) {
      changeMembershipRole(
        input: {organizationId: $organization, userId: $user, role: $role}
      ) {
        membership { role organization { name } } errors { code field }
      }
    }
"""
REMOVE = """
    mutation ($organization: ID!, $user: ID!) {
      removeMember(input: {organizationId: $organization, userId: $user}) {
        organization { name } errors { code field }
      }
    }
"""
LEAVE = """
    mutation ($organization: ID!) {
      leaveOrganization(input: {organizationId: $organization}) { errors { code field } }
    }
"""
LAST_OWNER = "LAST_OWNER"


@pytest.fixture
def archers(alice: User, bob: User) -> Organization:
    """Return an organisation with Alice as owner and Bob as member."""
    organization = make_organization("Archers", alice, role=Role.OWNER)
    Membership.objects.create(organization=organization, user=bob)
    return organization


@pytest.fixture
def ada(archers: Organization) -> User:
    """Return an administrator of the organisation."""
    return add(archers, "ada", Role.ADMIN)


def add(organization: Organization, username: str, role: Role, **fields: Any) -> User:
    user = make_user(username, **fields)
    Membership.objects.create(organization=organization, user=user, role=role)
    return user


def roles(organization: Organization) -> dict[str, str]:
    return dict(organization.memberships.values_list("user__username", "role"))


def change(client: GraphQLClient, organization: Organization, user: User, role: str) -> Answer:
    return client(CHANGE, organization=node_id(organization), user=node_id(user), role=role)


def remove(client: GraphQLClient, organization: Organization, user: User) -> Answer:
    return client(REMOVE, organization=node_id(organization), user=node_id(user))


def leave(client: GraphQLClient, organization: Organization) -> Answer:
    return client(LEAVE, organization=node_id(organization))


# Roles -----------------------------------------------------------------------------------


def test_owners_change_roles(
    client_of: ClientOf, alice: User, bob: User, archers: Organization
) -> None:
    client = client_of(alice)
    for _time in range(2):
        answer = change(client, archers, bob, "ADMIN")
        assert answer.data["changeMembershipRole"] == {
            "membership": {"role": "ADMIN", "organization": {"name": "Archers"}},
            "errors": [],
        }
    # The second call changes nothing.
    event = Event.objects.get()
    assert (event.tag, event.subject_id) == (Tag.MEMBER_ROLE_CHANGED, bob.pk)
    assert event.data == {"organization": str(archers.pk), "old": "member", "new": "admin"}
    assert change(client, archers, bob, "OWNER").problems == []
    assert change(client, archers, alice, "MEMBER").problems == []
    assert roles(archers) == {"alice": "member", "bob": "owner"}


def test_others_cannot_change_roles(
    client_of: ClientOf, ada: User, bob: User, charlie: User, sam: User, archers: Organization
) -> None:
    before = roles(archers)
    for user in (ada, bob, sam):
        assert change(client_of(user), archers, bob, "OWNER").codes == ["FORBIDDEN"]
        assert change(client_of(user), archers, charlie, "OWNER").codes == ["FORBIDDEN"]
    answer = change(client_of(charlie), archers, charlie, "OWNER")
    assert answer.problems == [("NOT_FOUND", "organizationId")]
    assert (roles(archers), tags()) == (before, [])


@pytest.mark.parametrize("id_", ["", "x", "VXNlcjp4"])
def test_unknown_members_are_not_found(
    client_of: ClientOf, alice: User, charlie: User, archers: Organization, id_: str
) -> None:
    client, unknown = client_of(alice), [("NOT_FOUND", "userId")]
    for user in (id_, node_id(charlie), node_id(archers)):
        variables = {"organization": node_id(archers), "user": user}
        assert client(CHANGE, **variables, role="ADMIN").problems == unknown
        assert client(REMOVE, **variables).problems == unknown


# Removal ---------------------------------------------------------------------------------


def test_removal_is_limited_by_role(
    client_of: ClientOf, alice: User, ada: User, bob: User, archers: Organization
) -> None:
    second, admin = add(archers, "olga", Role.OWNER), client_of(ada)
    eve = add(archers, "eve", Role.ADMIN)
    for user in (alice, second, eve, ada):
        assert remove(admin, archers, user).codes == ["FORBIDDEN"]
    answer = remove(admin, archers, bob)
    assert answer.data["removeMember"]["organization"] == {"name": "Archers"}
    for user in (second, eve, ada):
        assert remove(client_of(alice), archers, user).problems == []
    assert roles(archers) == {"alice": "owner"}
    assert tags() == [Tag.MEMBER_REMOVED] * 4
    event = Event.objects.earliest("pk")
    assert (event.actor_id, event.subject_id) == (ada.pk, bob.pk)
    assert event.data == {"organization": str(archers.pk), "role": "member"}


def test_members_cannot_remove(
    client_of: ClientOf, alice: User, bob: User, charlie: User, sam: User, archers: Organization
) -> None:
    for user in (bob, sam):
        # The error does not disclose memberships.
        for other in (alice, bob, charlie):
            assert remove(client_of(user), archers, other).codes == ["FORBIDDEN"]
    answer = remove(client_of(charlie), archers, bob)
    assert answer.problems == [("NOT_FOUND", "organizationId")]
    assert roles(archers) == {"alice": "owner", "bob": "member"}


def test_removed_members_do_not_see_the_organization(
    client_of: ClientOf, alice: User, bob: User, archers: Organization
) -> None:
    query = "query ($id: ID!) { organization(id: $id) { name } }"
    client = client_of(bob)
    assert client(query, id=node_id(archers)).data == {"organization": {"name": "Archers"}}
    assert remove(client_of(alice), archers, bob).problems == []
    assert client(query, id=node_id(archers)).data == {"organization": None}


def test_members_leave(client_of: ClientOf, bob: User, archers: Organization) -> None:
    client = client_of(bob)
    assert leave(client, archers).problems == []
    assert roles(archers) == {"alice": "owner"}
    assert tags() == [Tag.MEMBER_LEFT]
    assert leave(client, archers).problems == [("NOT_FOUND", "organizationId")]


def test_staff_who_are_not_members_cannot_leave(
    client_of: ClientOf, sam: User, root: User, archers: Organization
) -> None:
    for user in (sam, root):
        assert leave(client_of(user), archers).problems == [("NOT_FOUND", "organizationId")]


# The last owner --------------------------------------------------------------------------


def test_last_owner_is_kept(
    client_of: ClientOf, alice: User, bob: User, root: User, archers: Organization
) -> None:
    owner = client_of(alice)
    assert leave(owner, archers).problems == [(LAST_OWNER, "organizationId")]
    for client in (owner, client_of(root)):
        assert change(client, archers, alice, "ADMIN").problems == [(LAST_OWNER, "role")]
        assert remove(client, archers, alice).problems == [(LAST_OWNER, "userId")]
    assert roles(archers) == {"alice": "owner", "bob": "member"}
    assert tags() == []
    assert change(owner, archers, bob, "OWNER").problems == []
    assert leave(owner, archers).problems == []


def test_owners_who_cannot_sign_in_do_not_count(
    client_of: ClientOf, alice: User, root: User, archers: Organization
) -> None:
    gone = add(archers, "gone", Role.OWNER, is_active=False)
    assert leave(client_of(alice), archers).problems == [(LAST_OWNER, "organizationId")]
    assert remove(client_of(root), archers, gone).problems == []


@pytest.mark.parametrize("_time", range(5))
def test_concurrent_departures_keep_one_owner(transactional_db: None, _time: int) -> None:
    owners = [make_user("alice"), make_user("bob")]
    organization = make_organization("Archers", *owners, role=Role.OWNER)
    alice, bob = (GraphQLClient(make_token(user)) for user in owners)
    first, second = run_concurrently(
        lambda: leave(alice, organization).problems,
        lambda: change(bob, organization, owners[1], "MEMBER").problems,
    )
    assert (first, second) in (
        ([], [(LAST_OWNER, "role")]),
        ([(LAST_OWNER, "organizationId")], []),
    )
    assert list(roles(organization).values()).count("owner") == 1


@pytest.mark.parametrize("_time", range(5))
def test_concurrent_removals_keep_one_owner(transactional_db: None, _time: int) -> None:
    owners = [make_user("alice"), make_user("bob")]
    organization = make_organization("Archers", *owners, role=Role.OWNER)
    alice, bob = (GraphQLClient(make_token(user)) for user in owners)
    answers = run_concurrently(
        lambda: remove(alice, organization, owners[1]),
        lambda: remove(bob, organization, owners[0]),
    )
    ends = sorted((answer.codes or answer.problems) == [] for answer in answers)
    assert ends == [False, True]
    assert list(roles(organization).values()) == ["owner"]
