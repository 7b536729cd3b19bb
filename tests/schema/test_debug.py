"""`extensions.debug`: plan and statements, in the demo only."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schema.console.examples import example_operations
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, node_id
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]
MEMBERS = """
    query ($id: ID!) { organization(id: $id) {
      title: name myRole
      members(first: 5) { nodes { role user { email profile { bio } } } pageInfo { endCursor } }
    } }
"""


@pytest.fixture
def debugging(settings: Any) -> None:
    settings.GRAPHQL_DEBUG = True


def debug(client: GraphQLClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = client.debug(query, **variables)
    assert answer.codes == []
    found: dict[str, Any] = answer.body["extensions"]["debug"]
    return found


def reads(found: dict[str, Any]) -> list[str | None]:
    return [statement["reads"] for statement in found["statements"]]


def test_debug_output_is_for_the_demo(client_of: ClientOf, alice: User) -> None:
    assert set(client_of(alice).debug("{ me { username } }").body) == {"data"}


@pytest.mark.usefixtures("debugging")
def test_debug_output_is_sent_on_request(client_of: ClientOf, alice: User) -> None:
    assert set(client_of(alice)("{ me { username } }").body) == {"data"}
    assert set(client_of(alice).debug("{ me { username } }").body) == {"data", "extensions"}


@pytest.mark.usefixtures("debugging")
def test_plan_describes_how_each_field_is_read(client_of: ClientOf, sam: User) -> None:
    organization = make_organization("Archers", sam)

    found = debug(client_of(sam), MEMBERS, id=node_id(organization))

    assert found["executor"] == "engine"
    assert found["refusal"] is None
    assert found["plan"] == [
        "organization (Organization): statement",
        "  title = name: column name",
        "  myRole: computed column",
        "  members (MembershipConnection!): statement for the lists of all",
        "    nodes ([Membership!]!): rows of the page",
        "      role: column role",
        "      user (User): joined",
        "        email: column email, by the rule Private",
        "        profile (Profile): joined",
        "          bio: column bio",
        "    pageInfo (PageInfo!): attribute",
        "      endCursor: resolver",
    ]
    assert reads(found) == ["Query.organization", "Organization.members"]
    for statement in found["statements"]:
        assert statement["compiled"] is True
        assert statement["reason"] is None
        assert statement["rows"] == 1
        assert statement["sql"].count("%s") == statement["parameters"]


@pytest.mark.usefixtures("debugging")
def test_plan_depends_on_the_requester(client_of: ClientOf, alice: User) -> None:
    organization = make_organization("Archers", alice)

    found = debug(client_of(alice), MEMBERS, id=node_id(organization))

    # Not all users are visible, so they are read separately from memberships.
    assert "      user (User): statement for all" in found["plan"]
    assert reads(found) == ["Query.organization", "Organization.members", "Membership.user"]


@pytest.mark.usefixtures("debugging")
def test_the_plan_names_the_types_that_an_interface_may_lead_to(
    client_of: ClientOf, alice: User
) -> None:
    query = "query ($id: ID!) { node(id: $id) { __typename ... on User { permissions } } }"

    found = debug(client_of(alice), query, id=node_id(alice))

    start = found["plan"].index("  on User")
    assert found["plan"][start : start + 3] == [
        "  on User",
        "    __typename: name of the type",
        "    permissions: resolver, called for each, by the rule Private",
    ]
    (statement, *_others) = found["statements"]
    assert (statement["compiled"], statement["reads"]) == (False, "Query.node")
    assert "which type is found" in statement["reason"]


@pytest.mark.usefixtures("debugging")
def test_loader_batches_are_traced_with_their_statements(
    client_of: ClientOf, sam: User, alice: User, bob: User
) -> None:
    found = debug(client_of(sam), "{ users(first: 3) { nodes { activeSessionCount } } }")

    (batch,) = found["loaders"]
    assert (batch["loader"], batch["keys"]) == ("User: active_session_counts", 3)
    assert reads(found) == ["Query.users", "User: active_session_counts"]
    assert [each["compiled"] for each in found["statements"]] == [True, None]


@pytest.mark.usefixtures("debugging")
def test_values_are_not_traced(client_of: ClientOf, sam: User, alice: User) -> None:
    query = """query ($id: ID!, $word: String!) {
      user(id: $id) { id email username permissions activeSessionCount }
      users(first: 2, search: $word) { nodes { id email } totalCount { value } }
    }"""

    text = json.dumps(debug(client_of(sam), query, id=node_id(alice), word="Archer"))

    assert '"Query.users"' in text
    assert "This depends on what its arguments say" in text
    for secret in ("Archer", "alice", str(alice.pk), alice.pk.hex, node_id(alice), str(sam.pk)):
        assert secret not in text


@pytest.mark.usefixtures("debugging")
def test_what_graphql_core_executes_says_why(client_of: ClientOf, alice: User) -> None:
    found = debug(client_of(alice), "{ me { username } __schema { queryType { name } } }")

    assert (found["executor"], found["refusal"]) == ("graphql-core", "This is introspection.")
    assert found["plan"] == []
    assert reads(found) == [None]


@pytest.mark.usefixtures("debugging")
def test_failed_statements_are_traced(client_of: ClientOf, sam: User) -> None:
    answer = client_of(sam).debug('{ users(first: 1, after: "nonsense") { nodes { id } } }')

    assert answer.codes == ["CURSOR_INVALID"]
    assert answer.body["extensions"]["debug"]["statements"] == []


# Uploads need a multipart request; see `tests/accounts/test_avatars.py`.
WITHOUT_FILES = [each for each in example_operations() if "Upload!" not in each["document"]]


@pytest.mark.parametrize("operation", WITHOUT_FILES, ids=lambda item: item["name"])
@pytest.mark.usefixtures("debugging")
def test_documented_operations_are_executed_by_the_engine(
    client_of: ClientOf, root: User, operation: dict[str, Any]
) -> None:
    variables = json.loads(operation["variables"] or "{}")

    answer = client_of(root).debug(operation["document"], **variables)

    assert answer.body["extensions"]["debug"]["executor"] == "engine"
