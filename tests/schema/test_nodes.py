"""Objects by their global ids, one and many."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import global_id, make_organization, node_id
from users.accounts.models import EmailAddress, Profile, User
from users.organizations.models import Membership, Organization
from users.privacy.models import DataExport

ClientOf = Callable[[User], GraphQLClient]
NODES = """query ($ids: [ID!]!) { nodes(ids: $ids) {
  __typename id
  ... on User { username email }
  ... on Organization { name members(first: 5) { nodes { user { username } } } }
  ... on Group { name }
  ... on EmailAddress { address: email isPrimary }
  ... on Profile { bio locale }
  ... on Membership { role }
} }"""


def by_nodes(executor: Executor, client: GraphQLClient, *ids: str) -> list[Any]:
    found: list[Any] = executor(lambda: client(NODES, ids=ids)).data["nodes"]
    return found


def by_node(executor: Executor, client: GraphQLClient, id_: str) -> Any:
    return executor(lambda: client("query ($id: ID!) { node(id: $id) { id } }", id=id_)).data[
        "node"
    ]


@pytest.fixture
def archers(alice: User) -> Organization:
    return make_organization("Archers", alice)


def test_nodes_are_at_the_places_of_their_ids(
    executor: Executor, client_of: ClientOf, alice: User, sam: User, archers: Organization
) -> None:
    editors = Group.objects.create(name="Editors")
    alice.groups.add(editors)
    found = by_nodes(
        executor,
        client_of(alice),
        *(node_id(archers), node_id(alice), "x", node_id(editors), node_id(sam), node_id(alice)),
    )
    assert found[0]["members"] == {"nodes": [{"user": {"username": "alice"}}]}
    assert [each and each["__typename"] for each in found] == [
        *("Organization", "User", None, "Group", None, "User")
    ]
    assert [each["id"] for each in found if each] == [
        *(node_id(archers), node_id(alice), node_id(editors), node_id(alice))
    ]


def test_nodes_are_as_visible_as_elsewhere(
    executor: Executor, client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    """Field rules count, too: the address of another user is null."""
    seen = by_nodes(executor, client_of(alice), node_id(alice), node_id(bob))
    assert [each["email"] for each in seen] == [alice.email, None]
    seen = by_nodes(executor, client_of(sam), node_id(alice), node_id(bob))
    assert [each["email"] for each in seen] == [alice.email, bob.email]


@pytest.mark.parametrize("count", [0, 100])
def test_up_to_a_hundred_ids_are_allowed(
    executor: Executor, client_of: ClientOf, alice: User, count: int
) -> None:
    assert len(by_nodes(executor, client_of(alice), *[node_id(alice)] * count)) == count


def test_more_ids_are_refused(executor: Executor, client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    answer = executor(lambda: client(NODES, ids=[node_id(alice)] * 101))
    assert (answer.codes, answer.body["data"]) == (["ARGUMENT_INVALID"], None)


def test_profiles_are_nodes_as_visible_as_their_users(
    executor: Executor, client_of: ClientOf, alice: User, charlie: User
) -> None:
    mine, other = (node_id(Profile(pk=user.pk)) for user in (alice, charlie))
    client = client_of(alice)
    assert by_node(executor, client, mine) == {"id": mine}
    assert by_node(executor, client, other) is None
    assert by_nodes(executor, client, mine, other)[1] is None
    User.objects.filter(pk=charlie.pk).update(is_public=True)
    found = by_nodes(executor, client, mine, other)
    assert [each["locale"] for each in found] == ["en", None]


def test_addresses_are_nodes_of_their_owner_and_staff(
    executor: Executor, client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    """A public user's addresses stay private."""
    User.objects.filter(pk=alice.pk).update(is_public=True)
    secondary = EmailAddress.objects.create(
        user=alice, email="alice@home.example", verified_at=timezone.now()
    )
    ids = [global_id("EmailAddress", alice.pk), global_id("EmailAddress", secondary.pk)]
    expected = [
        {"__typename": "EmailAddress", "id": ids[0], "address": alice.email, "isPrimary": True},
        {
            "__typename": "EmailAddress",
            "id": ids[1],
            "address": secondary.email,
            "isPrimary": False,
        },
    ]
    for user in (alice, sam):
        assert by_nodes(executor, client_of(user), *ids) == expected
        for id_ in ids:
            assert by_node(executor, client_of(user), id_) == {"id": id_}
    for client in (client_of(bob), GraphQLClient()):
        for id_ in ids:
            answer = client("query ($id: ID!) { node(id: $id) { id } }", id=id_)
            assert answer.data == {"node": None}
        assert client(NODES, ids=ids).data == {"nodes": [None, None]}
    listed = client_of(alice)("{ me { emailAddresses { id } } }").data
    assert [each["id"] for each in listed["me"]["emailAddresses"]] == ids


def test_memberships_are_nodes_of_members_and_staff(
    executor: Executor,
    client_of: ClientOf,
    alice: User,
    bob: User,
    sam: User,
    archers: Organization,
) -> None:
    id_ = node_id(Membership.objects.get())
    for user in (alice, sam):
        assert by_node(executor, client_of(user), id_) == {"id": id_}
        assert by_nodes(executor, client_of(user), id_)[0]["role"] == "MEMBER"
    assert by_node(executor, client_of(bob), id_) is None


def test_data_exports_are_nodes_of_their_owner(
    executor: Executor, client_of: ClientOf, alice: User, sam: User
) -> None:
    export = DataExport.objects.create(
        user=alice, expires_at=timezone.now() + dt.timedelta(hours=1)
    )
    assert by_node(executor, client_of(alice), node_id(export)) == {"id": node_id(export)}
    assert by_node(executor, client_of(sam), node_id(export)) is None


@pytest.mark.parametrize(
    "id_",
    # In base 64: `EmailAddress:0`, `EmailAddress:²`, `EmailAddress:` and twenty digits.
    [
        "RW1haWxBZGRyZXNzOjA=",
        "RW1haWxBZGRyZXNzOsKy",
        "RW1haWxBZGRyZXNzOjk5OTk5OTk5OTk5OTk5OTk5OTk5",
    ],
)
def test_keys_that_no_row_has_are_null(
    executor: Executor, client_of: ClientOf, sam: User, id_: str
) -> None:
    assert by_node(executor, client_of(sam), id_) is None
    assert by_nodes(executor, client_of(sam), id_, node_id(sam))[0] is None
