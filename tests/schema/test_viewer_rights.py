"""What a client may do, by the policies of the mutations."""

from collections.abc import Callable

import pytest

from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_api_token, make_organization, node_id
from users.accounts.models import User
from users.organizations.models import Organization, Role
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]
OF_USER = "query ($id: ID!) { user(id: $id) { viewerCanUpdate viewerCanAdminister } }"
OF_ORGANIZATION = """query ($id: ID!) { organization(id: $id) {
  viewerCanUpdate viewerCanManage viewerCanDelete
} }"""


@pytest.fixture
def archers(alice: User, bob: User, charlie: User) -> Organization:
    archers = make_organization("Archers", alice, role=Role.OWNER)
    archers.memberships.create(user=bob, role=Role.ADMIN)
    archers.memberships.create(user=charlie)
    return archers


def test_rights_on_users(
    executor: Executor, client_of: ClientOf, alice: User, bob: User, sam: User, root: User
) -> None:
    for user, expected in (
        (alice, (False, False)),
        (bob, (True, False)),
        (sam, (True, False)),
        (root, (True, True)),
    ):
        client = client_of(user)
        answer = executor(lambda client=client: client(OF_USER, id=node_id(bob)))  # type: ignore[misc]
        assert tuple(answer.data["user"].values()) == expected, user


def test_rights_on_organizations(
    executor: Executor,
    client_of: ClientOf,
    alice: User,
    bob: User,
    charlie: User,
    sam: User,
    root: User,
    archers: Organization,
) -> None:
    for user, expected in (
        (alice, (True, True, True)),
        (bob, (False, True, False)),
        (charlie, (False, False, False)),
        (sam, (False, False, False)),
        (root, (True, True, True)),
    ):
        client = client_of(user)
        answer = executor(lambda client=client: client(OF_ORGANIZATION, id=node_id(archers)))  # type: ignore[misc]
        assert tuple(answer.data["organization"].values()) == expected, user


def test_rights_of_tokens_are_those_of_their_scopes(alice: User, archers: Organization) -> None:
    for scopes, expected in (
        ([Scope.ORGANIZATIONS_READ], (False, False, False)),
        # A token cannot delete: that takes an interactive session.
        ([Scope.ORGANIZATIONS_WRITE], (True, True, False)),
    ):
        client = GraphQLClient(make_api_token(alice, *scopes))
        answer = client(OF_ORGANIZATION, id=node_id(archers))
        assert tuple(answer.data["organization"].values()) == expected
    client = GraphQLClient(make_api_token(alice, Scope.PROFILE_READ))
    assert client("{ me { viewerCanUpdate } }").data == {"me": {"viewerCanUpdate": False}}
