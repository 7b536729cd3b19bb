"""Documents are parsed, validated and planned once, if the client may execute them."""

from collections.abc import Callable
from typing import Any

import pytest

from engine import operation as executor
from schema.documents import document as documents
from tests.support.client import GraphQLClient
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

ONCE = ["parse", "check_document", "validate", "check_selection"]
REFUSED = [
    "{ users(first: 1) { nodes { id } } }",
    "{ me { id profile { bio } } }",
    "{ ...F } fragment F on Query { events(first: 1) { nodes { id } } }",
    "{ __typename users(first: 1) { nodes { id } } }",
    'mutation { updateProfile(input: {name: "x"}) { user { id } errors { code } } }',
]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record parsing and validation, with an empty cache."""
    done: list[str] = []

    def watch(module: Any, name: str) -> None:
        original = getattr(module, name)

        def watched(*arguments: Any, **keywords: Any) -> Any:
            done.append(name)
            return original(*arguments, **keywords)

        monkeypatch.setattr(module, name, watched)

    for name in ("parse", "check_document", "validate"):
        watch(documents, name)
    watch(executor, "check_selection")
    documents.DOCUMENTS.clear()
    executor.PLANS.clear()
    return done


def test_document_is_parsed_validated_and_planned_once(
    client_of: ClientOf, sam: User, work: list[str]
) -> None:
    client = client_of(sam)
    document = "query ($id: ID!) { user(id: $id) { id } node(id: $id) { id } }"
    for identifier in "abc":
        assert client(document, id=identifier).data == {"user": None, "node": None}
    assert work == ONCE
    assert (len(documents.DOCUMENTS), len(executor.PLANS)) == (1, 1)


def test_refused_document_is_not_measured_twice(
    client_of: ClientOf, sam: User, work: list[str]
) -> None:
    for _time in range(2):
        assert client_of(sam)("{ nope }").codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert work == ["parse", "check_document", "validate"]


@pytest.mark.parametrize("document", REFUSED)
def test_operations_refused_to_anonymous_clients_are_not_cached(
    anonymous: GraphQLClient, work: list[str], document: str
) -> None:
    for _time in range(2):
        anonymous(document)
    assert work == ["parse", "check_document", "validate"] * 2
    assert (len(documents.DOCUMENTS), len(executor.PLANS)) == (0, 0)


def test_anonymous_operations_are_planned_once(anonymous: GraphQLClient, work: list[str]) -> None:
    document = 'mutation { logIn(input: {login: "x", password: "y"}) { errors { code field } } }'
    for _time in range(2):
        assert anonymous(document).problems == [("CREDENTIALS_INVALID", "login")]
    assert work == ONCE
