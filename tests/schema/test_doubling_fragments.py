"""Fragments that expand exponentially are measured and executed without being expanded."""

from collections.abc import Callable

import pytest

from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, node_id
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

DOUBLINGS = [22, 60]


def doubling(levels: int, on: str, selections: str) -> str:
    """Return a chain of fragments, each spreading the next twice; the first is `F0`."""
    links = [f"fragment F{n} on {on} {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    return " ".join([*links, f"fragment F{levels} on {on} {selections}"])


@pytest.mark.parametrize("levels", DOUBLINGS)
@pytest.mark.parametrize(
    ("operation", "fragment", "code"),
    [
        ("{ ...F0 }", "Query { __typename }", "ROOT_FIELDS_EXCEEDED"),
        ("{ me { ...F0 } }", "User { a: id }", "ALIASES_EXCEEDED"),
        ("{ me { ...F0 } }", "User { id @skip(if: true) }", "DIRECTIVES_EXCEEDED"),
    ],
)
def test_doubling_fragments_are_measured_without_being_expanded(
    anonymous: GraphQLClient, levels: int, operation: str, fragment: str, code: str
) -> None:
    on, _space, selections = fragment.partition(" ")
    assert anonymous(f"{operation} {doubling(levels, on, selections)}").codes == [code]


@pytest.mark.parametrize("levels", DOUBLINGS)
@pytest.mark.parametrize(
    ("operation", "fragment"),
    [
        ("{ me { ...F0 } }", "User { username }"),
        ("{ node(id: $id) { ...F0 } }", "Node { id }"),
        ("{ users(first: 1) { ...F0 } }", "UserConnection { edges { cursor } }"),
        ("{ users(first: 1) { pageInfo { ...F0 } } }", "PageInfo { endCursor }"),
        ("{ users(first: 1) { edges { ...F0 } } }", "UserEdge { node { permissions } }"),
        ("{ users(first: 1) { edges { node { ...F0 } } } }", "User { activeSessionCount }"),
        ("{ me { profile { ...F0 } } }", "Profile { bio }"),
        ("{ me { memberships(first: 1) { ...F0 } } }", "MembershipConnection { nodes { role } }"),
        (
            "{ me { memberships(first: 1) { nodes { ...F0 } } } }",
            "Membership { role organization { name } }",
        ),
        (
            "{ me { memberships(first: 1) { nodes { organization { ...F0 } } } } }",
            "Organization { name }",
        ),
        ("{ __schema { types { ...F0 } } }", "__Type { name }"),
    ],
)
def test_doubling_fragments_are_executed_without_being_expanded(
    client_of: ClientOf, alice: User, levels: int, operation: str, fragment: str
) -> None:
    make_organization("Archers", alice)
    client = client_of(alice)
    on, _space, selections = fragment.partition(" ")
    operation = operation.replace("$id", f'"{node_id(alice)}"')
    plain = client(operation.replace("...F0", f"... on {fragment}"))
    assert client(f"{operation} {doubling(levels, on, selections)}").data == plain.data


@pytest.mark.parametrize(
    "document",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { me { id } ...B } fragment B on Query { ...A ...A }",
        "{ me { id } } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ me { ...A } } fragment A on User { memberships(first: 1) { nodes { user { ...A } } } }",
    ],
)
def test_fragment_cycle_is_invalid(anonymous: GraphQLClient, document: str) -> None:
    answer = anonymous(document)
    assert set(answer.codes) == {"GRAPHQL_VALIDATION_FAILED"}
    assert any("within itself" in error["message"] for error in answer.body["errors"])


def test_repeated_fields_are_compared_a_bounded_number_of_times(anonymous: GraphQLClient) -> None:
    answer = anonymous(f"{{ me {{ {'id ' * 990} }} }}")
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert (
        anonymous(f"{{ me {{ {'memberships(first: 1) { nodes { role } } ' * 80} }} }}").codes == []
    )
