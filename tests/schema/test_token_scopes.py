"""Attempts to exceed the scopes of an API token."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.errors import InsufficientScopeError
from core.security.actor import Actor
from schema.context import Context
from schema.http.execution import ROOT_FIELDS
from schema.root import schema
from schema.scopes import NoScope
from tests.support.api_tokens import assert_insufficient
from tests.support.client import GraphQLClient
from tests.support.executors import BY_ENGINE
from tests.support.factories import make_api_token, make_organization, make_session, node_id
from tests.support.images import make_image
from tests.support.signing_in import ALICE
from tests.support.tables.authorization.writes import NONE
from tests.support.tables.authorization.writes import TOKEN_WRITES as WRITES
from tests.support.world import World, everything, write
from users.accounts.models import User
from users.organizations.models import Role
from users.scopes import Scope


def token_client(user: User, *scopes: str) -> GraphQLClient:
    return GraphQLClient(make_api_token(user, *scopes))


# Root fields -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        "{ users(first: 1) { nodes { id } } }",
        "{ me { id } all: users(first: 1) { nodes { id } } }",
        """
          { ...F }
          fragment F on Query { ...G }
          fragment G on Query { users(first: 1) { edges { cursor } } }
        """,
        "{ ... on Query { ... { users(first: 1) { nodes { id } } } } }",
        "{ me { id } users(first: 1) @skip(if: true) { nodes { id } } }",
        "query A { me { id } ...F } fragment F on Query { users(first: 1) { nodes { id } } }",
    ],
)
def test_aliases_do_not_bypass_scopes(alice: User, document: str) -> None:
    assert_insufficient(token_client(alice, "profile:read")(document), "users:read")
    assert token_client(alice, "users:read")(document).codes == []


def test_only_the_executed_operation_is_checked(alice: User) -> None:
    client = token_client(alice, "profile:read")
    document = "query A { me { username } } query B { users(first: 1) { nodes { id } } }"

    def run(name: str | None) -> Any:
        body = {"query": document} | ({"operationName": name} if name else {})
        return client.post(json.dumps(body))

    assert run("A").data == ALICE
    assert_insufficient(run("B"), "users:read")
    assert_insufficient(run(None), "users:read")
    assert run("C").codes == ["BAD_REQUEST"]


def test_one_missing_scope_refuses_the_whole_operation(alice: User) -> None:
    client = token_client(alice, "profile:write")
    document = """
        mutation {
          updateProfile(input: {bio: "Shoots."}) { errors { code } }
          createOrganization(input: {name: "Archers"}) { errors { code } }
        }
    """
    assert_insufficient(client(document), "organizations:write")
    alice.profile.refresh_from_db()
    assert alice.profile.bio == ""


def test_cyclic_fragments_terminate(alice: User) -> None:
    client = token_client(alice, "profile:read")
    answer = client("{ ...F } fragment F on Query { me { id } ...F }")
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert client("{ ").codes == ["GRAPHQL_PARSE_FAILED"]


def test_unknown_fields_are_refused() -> None:
    actor = Actor(scopes=frozenset(scope.value for scope in Scope))
    with pytest.raises(InsufficientScopeError):
        ROOT_FIELDS.check_scopes(["somethingNew"], actor)


def test_introspection_needs_no_scope(alice: User) -> None:
    client = token_client(alice, "events:read")
    assert client("{ __typename __schema { queryType { name } } }").data["__typename"] == "Query"


@pytest.mark.parametrize(
    ("scope", "body"),
    [
        (None, 'changePassword(input: {currentPassword: "x", newPassword: "y"})'),
        ("organizations:write", 'createOrganization(input: {name: "Archers"})'),
    ],
)
def test_missing_scope_is_named(alice: User, scope: str | None, body: str) -> None:
    client = token_client(alice, "users:read")
    assert_insufficient(client(f"mutation {{ {body} {{ errors {{ code }} }} }}"), scope)


# Nested fields ---------------------------------------------------------------------------


def test_sessions_of_others_require_the_scope_of_their_user(alice: User, sam: User) -> None:
    session = make_session(alice)
    make_session(sam)
    query = """query ($user: ID!, $node: ID!) {
        sessions(first: 9, user: $user) { nodes { user { username } } }
        node(id: $node) { ... on Session { user { username } } }
    }"""

    def read(user: User, *scopes: str) -> Any:
        return token_client(sam, *scopes)(query, user=node_id(user), node=node_id(session)).data

    own, others = ([{"user": {"username": each.username}}] for each in (sam, alice))
    assert read(sam, "sessions:read") == {"sessions": {"nodes": own}, "node": None}
    assert read(alice, "sessions:read") == {"sessions": {"nodes": []}, "node": None}
    assert read(alice, "sessions:read", "users:read") == {
        "sessions": {"nodes": others},
        "node": others[0],
    }


def test_nested_types_require_their_scopes(alice: User, bob: User) -> None:
    make_organization("Archers", alice, bob, role=Role.OWNER)
    make_session(alice)
    client = token_client(alice, "profile:read")
    query = """
        query ($bob: ID!, $session: ID!) {
          me {
            username email activeSessionCount
            memberships(first: 9) {
              nodes { organization { members(first: 9) { nodes { user { username } } } } }
              totalCount { value }
            }
            apiTokens(first: 9) { nodes { name } }
          }
          bob: node(id: $bob) { ... on User { username } }
          session: node(id: $session) { __typename }
        }
    """
    answer = client(query, bob=node_id(bob), session=node_id(alice.sessions.get()))
    assert answer.data == {
        "me": {
            "username": "alice",
            "email": "alice@example.org",
            "activeSessionCount": None,
            "memberships": {"nodes": [], "totalCount": {"value": 0}},
            "apiTokens": {"nodes": []},
        },
        "bob": None,
        "session": None,
    }


def test_members_require_the_users_scope(alice: User, bob: User) -> None:
    make_organization("Archers", alice, bob, role=Role.OWNER)
    query = """
        { organizations(first: 1) { nodes { members(first: 9) { nodes {
          role user { username email }
        } } } } }
    """

    def members(*held: str) -> list[Any]:
        (organization,) = token_client(alice, *held)(query).data["organizations"]["nodes"]
        return [member["user"] for member in organization["members"]["nodes"]]

    own = {"username": "alice", "email": None}
    assert members("organizations:read") == [own, None]
    assert members("organizations:read", "profile:read") == [
        {"username": "alice", "email": "alice@example.org"},
        None,
    ]
    assert members("organizations:read", "users:read") == [own, {"username": "bob", "email": None}]


def test_answers_are_not_shared_between_scopes(sam: User, bob: User) -> None:
    """Tokens of one owner take turns: cached statements are not shared across scopes."""
    query = "query ($id: ID!) { node(id: $id) { ... on User { username email } } }"
    for _round in range(2):
        for held, expected in (
            (("users:read",), {"username": "bob", "email": "bob@example.org"}),
            (("profile:read",), None),
            (("users:write", "events:read"), {"username": "bob", "email": "bob@example.org"}),
            (("events:read",), None),
        ):
            client = token_client(sam, *held)
            assert client(query, id=node_id(bob)).data == {"node": expected}


def test_tokens_cannot_change_credentials(root: User, bob: User) -> None:
    client = token_client(root, *Scope)
    for change in (
        'email: "mine@example.org"',
        'username: "mine"',
        "isStaff: false",
        "isSuperuser: true",
    ):
        answer = client(
            f"mutation ($id: ID!) {{ updateUser(input: {{userId: $id, {change}}}) {{"
            " errors { code } } }",
            id=node_id(bob),
        )
        assert answer.codes == ["INSUFFICIENT_SCOPE"], change
    rename = """
        mutation ($id: ID!) {
          updateUser(input: {userId: $id, name: "B."}) { errors { code } }
        }
    """
    assert client(rename, id=node_id(bob)).problems == []
    bob.refresh_from_db()
    assert (bob.name, bob.email, bob.username) == ("B.", "bob@example.org", "bob")
    assert (bob.is_staff, bob.is_superuser) == (False, False)


def test_groups_take_a_scope_of_their_own(root: User, bob: User) -> None:
    update = """
        mutation ($id: ID!) {
          updateUser(input: {userId: $id, permissions: ["accounts.view_user"]}) { errors { code } }
        }
    """
    assert token_client(root, "users:write")(update, id=node_id(bob)).codes == [
        "INSUFFICIENT_SCOPE"
    ]
    assert not bob.user_permissions.exists()
    client = token_client(root, "users:write", "groups:write")
    assert client(update, id=node_id(bob)).problems == []
    assert bob.user_permissions.count() == 1


def test_scope_grants_no_permission(alice: User, bob: User) -> None:
    client = token_client(alice, *Scope)
    suspend = """
        mutation ($id: ID!) {
          suspendUser(input: {userId: $id, reason: "Spam"}) { errors { code } }
        }
    """
    assert client(suspend, id=node_id(bob)).codes == ["FORBIDDEN"]
    assert User.objects.get(pk=bob.pk).is_active
    query = "query ($id: ID!) { user(id: $id) { username email } }"
    assert client(query, id=node_id(bob)).data == {"user": {"username": "bob", "email": None}}
    assert client("{ groups(first: 1) { nodes { name } } }").codes == ["FORBIDDEN"]


# Without `check_scopes` -------------------------------------------------------------------


def assert_refused_by_policy(world: World, name: str, held: frozenset[str]) -> None:
    """Execute a mutation without `check_scopes`, by an administrator's token of these scopes."""
    administrator = User.objects.get(username="administrator")
    actor = Actor(user_id=administrator.pk, scopes=held, is_staff=True, is_superuser=True)
    before = everything()
    result = schema.execute_sync(
        world.complete(write(name)),
        variable_values={"image": SimpleUploadedFile("0.jpg", make_image())},
        context_value=Context(actor=actor),
    )
    assert result.errors is not None
    assert isinstance(result.errors[0].original_error, InsufficientScopeError)
    assert everything() == before


@BY_ENGINE
@pytest.mark.parametrize("name", [name for name, need in WRITES.items() if need != NONE])
def test_services_check_scopes(world: World, name: str) -> None:
    read = WRITES[name].replace(":write", ":read")
    assert_refused_by_policy(world, name, frozenset({"analytics:read", read}))


@BY_ENGINE
@pytest.mark.parametrize(
    "name",
    [
        *("requestEmailChange", "changeUsername", "changePassword", "requirePasswordReset"),
        *("revokeSession", "revokeOtherSessions", "logOutEverywhere", "endSessions"),
        *("createApiToken", "rotateApiToken", "renameApiToken", "revokeApiToken", "unlockUser"),
        *("createServiceAccount", "createServiceAccountToken", "deactivateServiceAccount"),
        *("acceptOrganizationInvitation", "deleteOrganization", "updateUser"),
        *("createWebhook", "updateWebhook", "rotateWebhookSecret"),
    ],
)
def test_services_require_interactive_sessions(world: World, name: str) -> None:
    assert_refused_by_policy(world, name, frozenset(Scope))


def test_every_scope_is_used() -> None:
    required = {access.scope for access in ROOT_FIELDS.access.values()}
    assert required - {*NoScope} == {*Scope} - {Scope.PROFILE_READ}
