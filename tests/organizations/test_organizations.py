"""Creation, renaming, deletion and listing of organisations."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import (
    PASSWORD,
    make_organization,
    make_organization_invitation,
    make_user,
    node_id,
)
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations.models import Membership, Organization, OrganizationInvitation, Role

ClientOf = Callable[[User], GraphQLClient]

CREATE = """
    mutation ($name: String!) {
      createOrganization(input: {name: $name}) {
        organization { id name myRole } errors { code field }
      }
    }
"""
RENAME = """
    mutation ($id: ID!, $name: String!) {
      updateOrganization(input: {organizationId: $id, name: $name}) {
        organization { name } errors { code field }
      }
    }
"""
DELETE = """
    mutation ($id: ID!, $password: String!) {
      deleteOrganization(input: {organizationId: $id, password: $password}) {
        errors { code field }
      }
    }
"""
LIST = """
    query ($first: Int, $after: String, $last: Int, $before: String, $by: OrganizationOrder) {
      organizations(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {
        edges { cursor node { name myRole } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount { value isExact }
      }
    }
"""
SEARCH = """
    query ($search: String, $by: OrganizationOrder) {
      organizations(first: 9, search: $search, orderBy: $by) {
        nodes { name } totalCount { value }
      }
    }
"""
BAD_NAMES = ["", "  ", "n" * 151, "\0", "Win at https://evil.example"]


@pytest.fixture
def archers(alice: User, bob: User) -> Organization:
    """Return an organisation with Alice as owner and Bob as member."""
    organization = make_organization("Archers", alice, role=Role.OWNER)
    Membership.objects.create(organization=organization, user=bob)
    return organization


def names(client: GraphQLClient, **variables: Any) -> list[str]:
    edges = client(LIST, **variables).data["organizations"]["edges"]
    return [edge["node"]["name"] for edge in edges]


# Creation --------------------------------------------------------------------------------


def test_creator_becomes_owner(client_of: ClientOf, alice: User) -> None:
    answer = client_of(alice)(CREATE, name="  Archers\n of York ")
    organization = Organization.objects.get()
    assert answer.data["createOrganization"] == {
        "organization": {
            "id": node_id(organization),
            "name": "Archers of York",
            "myRole": "OWNER",
        },
        "errors": [],
    }
    event = Event.objects.get()
    assert (event.tag, event.subject_id) == (Tag.ORGANIZATION_CREATED, alice.pk)
    assert event.data == {"organization": str(organization.pk)}
    assert event.personal_values["name"] == "Archers of York"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_name_is_refused(
    client_of: ClientOf, alice: User, archers: Organization, name: str
) -> None:
    client = client_of(alice)
    assert client(CREATE, name=name).problems == [("VALUE_INVALID", "name")]
    answer = client(RENAME, id=node_id(archers), name=name)
    assert answer.problems == [("VALUE_INVALID", "name")]
    assert [each.name for each in Organization.objects.all()] == ["Archers"]
    assert tags() == []


def test_creation_can_be_limited_to_staff(
    client_of: ClientOf, alice: User, sam: User, settings: Any
) -> None:
    settings.ORGANIZATIONS_BY_STAFF = True
    assert client_of(alice)(CREATE, name="Archers").codes == ["FORBIDDEN"]
    assert not Organization.objects.exists()
    assert client_of(sam)(CREATE, name="Archers").problems == []


def test_creations_are_rate_limited(client_of: ClientOf, alice: User, bob: User) -> None:
    client = client_of(alice)
    for _number in range(10):
        assert client(CREATE, name="Archers").problems == []
    assert client(CREATE, name="Archers").codes == ["TOO_MANY_ATTEMPTS"]
    assert client_of(bob)(CREATE, name="Archers").problems == []
    assert Organization.objects.count() == 11


# Renaming --------------------------------------------------------------------------------


def test_owners_rename(client_of: ClientOf, alice: User, archers: Organization) -> None:
    client = client_of(alice)
    for _time in range(2):
        answer = client(RENAME, id=node_id(archers), name="Bowmen")
        assert answer.data["updateOrganization"]["organization"] == {"name": "Bowmen"}
    # The second call changes nothing.
    event = Event.objects.get()
    assert (event.tag, event.data) == (
        Tag.ORGANIZATION_RENAMED,
        {"organization": str(archers.pk)},
    )
    values = event.personal_values
    assert (values["old"], values["new"]) == ("Archers", "Bowmen")


def test_others_cannot_rename_or_delete(
    client_of: ClientOf,
    anonymous: GraphQLClient,
    archers: Organization,
    bob: User,
    charlie: User,
    sam: User,
) -> None:
    admin = make_user("ada")
    Membership.objects.create(organization=archers, user=admin, role=Role.ADMIN)
    # The error does not disclose that the organisation exists.
    unseen = [("NOT_FOUND", "organizationId")]
    for document, value in ((RENAME, {"name": "x"}), (DELETE, {"password": PASSWORD})):
        for member in (bob, admin, sam):
            answer = client_of(member)(document, id=node_id(archers), **value)
            assert answer.codes == ["FORBIDDEN"], member
        client = client_of(charlie)
        for id_ in (node_id(archers), node_id(Organization(pk=uuid4())), node_id(bob), "x", ""):
            assert client(document, id=id_, **value).problems == unseen
        assert anonymous(document, id=node_id(archers), **value).codes == ["UNAUTHENTICATED"]
    assert [each.name for each in Organization.objects.all()] == ["Archers"]
    assert tags() == []


# Deleting --------------------------------------------------------------------------------


def test_owners_delete_with_their_password(
    client_of: ClientOf, alice: User, archers: Organization, bob: User
) -> None:
    make_organization_invitation(archers, alice, email="nina@example.org")
    client = client_of(alice)
    answer = client(DELETE, id=node_id(archers), password="wrong")
    assert answer.problems == [("PASSWORD_WRONG", "password")]
    assert Membership.objects.count() == 2
    answer = client(DELETE, id=node_id(archers), password=PASSWORD)
    assert answer.problems == []
    assert not Membership.objects.exists()
    assert not OrganizationInvitation.objects.exists()
    assert User.objects.count() == 2
    assert tags() == [Tag.PASSWORD_REFUSED, Tag.ORGANIZATION_DELETED]
    event = Event.objects.get(tag=Tag.ORGANIZATION_DELETED)
    assert event.data == {"organization": str(archers.pk), "members": 2}
    assert event.personal_values["name"] == "Archers"
    answer = client(DELETE, id=node_id(archers), password=PASSWORD)
    assert answer.problems == [("NOT_FOUND", "organizationId")]


def test_administrators_of_the_service_do_what_owners_do(
    client_of: ClientOf, root: User, archers: Organization
) -> None:
    client = client_of(root)
    assert client(RENAME, id=node_id(archers), name="Bowmen").problems == []
    assert client(DELETE, id=node_id(archers), password=PASSWORD).problems == []
    assert not Organization.objects.exists()


# Listing ---------------------------------------------------------------------------------


def test_users_list_their_own_and_staff_list_all(
    client_of: ClientOf,
    anonymous: GraphQLClient,
    archers: Organization,
    alice: User,
    bob: User,
    charlie: User,
    sam: User,
) -> None:
    make_organization("Bakers", bob, role=Role.ADMIN)
    make_organization("Cooks", sam)
    seen = {}
    for user in (alice, bob, charlie, sam):
        page = client_of(user)(LIST, first=9).data["organizations"]
        seen[user.username] = [
            (edge["node"]["name"], edge["node"]["myRole"]) for edge in page["edges"]
        ]
        assert page["totalCount"] == {"value": len(page["edges"]), "isExact": True}
    assert seen == {
        "alice": [("Archers", "OWNER")],
        "bob": [("Archers", "MEMBER"), ("Bakers", "ADMIN")],
        "charlie": [],
        "sam": [("Archers", None), ("Bakers", None), ("Cooks", "MEMBER")],
    }
    assert anonymous(LIST, first=9).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("field", "expected"),
    # Case-insensitive; ties by creation.
    [("NAME", ["archers", "Bakers", "Bakers", "Cooks"]), ("CREATED", None)],
)
def test_orders_are_total_in_both_directions(
    client_of: ClientOf, alice: User, sam: User, field: str, expected: list[str] | None
) -> None:
    made = ["Bakers", "Cooks", "archers", "Bakers"]
    for name in made:
        make_organization(name, alice)
    expected = expected or made
    for user in (alice, sam):
        client = client_of(user)
        for direction, order in (("ASC", expected), ("DESC", expected[::-1])):
            by = {"field": field, "direction": direction}
            assert names(client, first=9, by=by) == order
            start = client(LIST, first=2, by=by).data["organizations"]["pageInfo"]
            assert names(client, first=9, after=start["endCursor"], by=by) == order[2:]
            assert names(client, last=1, before=start["endCursor"], by=by) == order[:1]
            assert client(LIST, first=2, after=start["endCursor"]).codes == (
                [] if by == {"field": "NAME", "direction": "ASC"} else ["CURSOR_INVALID"]
            )


# Searching ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, {"field": "CREATED"}])
@pytest.mark.parametrize(
    ("search", "of_staff", "of_alice"),
    [
        ("", "Archers Bogenschützen Chess", "Archers Bogenschützen"),
        ("arch", "Archers", "Archers"),
        ("BOGENSCHUTZEN", "Bogenschützen", "Bogenschützen"),
        ("ch", "Chess", ""),
        ("chess", "Chess", ""),
        ("ers arc", "Archers", "Archers"),
        ("archers chess", "", ""),
    ],
)
def test_organizations_are_searched_by_words(
    executor: Executor,
    client_of: ClientOf,
    alice: User,
    sam: User,
    by: Any,
    search: str,
    of_staff: str,
    of_alice: str,
) -> None:
    for name in ("Archers", "Bogenschützen"):
        make_organization(name, alice)
    make_organization("Chess")
    for user, expected in ((sam, of_staff), (alice, of_alice)):
        client = client_of(user)
        answer = executor(lambda client=client: client(SEARCH, search=search, by=by))  # type: ignore[misc]
        found = answer.data["organizations"]
        assert [each["name"] for each in found["nodes"]] == expected.split()
        assert found["totalCount"] == {"value": len(expected.split())}
