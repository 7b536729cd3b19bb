"""Look-ups of a user by id, username and address."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.utils import timezone

from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_api_token, make_external_id, node_id
from users.accounts.models import EmailAddress, User
from users.imports.models import ExternalId
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]
USER_BY = "query ($by: UserBy!) { userBy(by: $by) { username email } }"


@pytest.fixture
def second(alice: User) -> EmailAddress:
    return EmailAddress.objects.create(
        user=alice, email="alice@xn--bcher-kva.example", verified_at=timezone.now()
    )


def found(client: GraphQLClient, **by: Any) -> str | None:
    user = client(USER_BY, by=by).data["userBy"]
    return user and str(user["username"])


def test_users_are_found_by_any_identifier(
    executor: Executor, client_of: ClientOf, alice: User, sam: User, second: EmailAddress
) -> None:
    client = client_of(sam)
    for by in (
        {"id": node_id(alice)},
        {"username": "alice"},
        {"username": "\uff21lice "},
        {"email": "alice@example.org"},
        {"email": "Alice@EXAMPLE.org"},
        {"email": second.email},
        {"email": "alice@bücher.example"},
    ):
        answer = executor(lambda by=by: client(USER_BY, by=by))  # type: ignore[misc]
        assert answer.data["userBy"]["username"] == "alice", by


@pytest.mark.parametrize(
    "by",
    [
        *({"username": name} for name in ("alic", "alice@example.org", "", "\0")),
        *({"email": email} for email in ("alice", "unknown@example.org", "@", "a\0@b.example")),
        *({"id": id_} for id_ in ("x", "", "R3JvdXA6MQ==")),
    ],
    ids=str,
)
def test_other_values_find_no_user(
    client_of: ClientOf, alice: User, sam: User, by: dict[str, str]
) -> None:
    assert found(client_of(sam), **by) is None


def test_staff_find_users_by_external_id(
    executor: Executor, client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    make_external_id(alice, "17", source="crm")
    make_external_id(alice, "17")
    make_external_id(bob, "17", source="shop")
    expected = [("crm", "alice"), ("shop", "bob"), ("unknown", None), ("\0", None)]
    for source, name in expected:
        by = {"externalId": {"source": source, "value": "17"}}
        answer = executor(lambda: client_of(sam)(USER_BY, by=by))  # noqa: B023
        user = answer.data["userBy"]
        assert (user and user["username"]) == name
    assert found(client_of(sam), externalId={"value": "17"}) == "alice"
    assert found(client_of(sam), externalId={"value": "1"}) is None
    # Not even their own, nor one of public users.
    User.objects.update(is_public=True)
    for by_source in ({"source": "crm"}, {}):
        assert found(client_of(alice), externalId={"value": "17"} | by_source) is None


def test_staff_read_external_ids(
    executor: Executor, client_of: ClientOf, alice: User, sam: User
) -> None:
    make_external_id(alice, "17", source="shop")
    make_external_id(alice, "4", source="crm")
    query = "query ($id: ID!) { user(id: $id) { externalIds { source value } } }"
    for user, expected in (
        (sam, [{"source": "crm", "value": "4"}, {"source": "shop", "value": "17"}]),
        (alice, []),
    ):
        client = client_of(user)
        answer = executor(lambda: client(query, id=node_id(alice)))  # noqa: B023
        assert answer.data["user"]["externalIds"] == expected
    # An import takes effect at once.
    ExternalId.objects.filter(source="crm").update(value="5")
    answer = client_of(sam)(query, id=node_id(alice))
    assert answer.data["user"]["externalIds"][0]["value"] == "5"


@pytest.mark.parametrize("scopes", [{Scope.USERS_READ}, {Scope.PROFILE_READ}], ids=str)
def test_tokens_need_the_scope_for_external_ids(alice: User, sam: User, scopes: set[Scope]) -> None:
    make_external_id(sam, "17")
    token = GraphQLClient(make_api_token(sam, *scopes))
    shown = token("{ me { externalIds { value } } }").data["me"]["externalIds"]
    assert shown == ([{"value": "17"}] if Scope.USERS_READ in scopes else [])


@pytest.mark.parametrize(
    "by", [{}, {"username": None}, {"username": "alice", "email": "alice@example.org"}], ids=str
)
def test_exactly_one_identifier_is_required(
    client_of: ClientOf, alice: User, by: dict[str, str]
) -> None:
    assert client_of(alice)(USER_BY, by=by).codes == ["GRAPHQL_VARIABLES_INVALID"]


def test_usernames_find_visible_users_only(
    client_of: ClientOf, alice: User, bob: User, charlie: User
) -> None:
    client = client_of(alice)
    assert found(client, username="bob") == "bob"
    assert found(client, username="charlie") is None
    assert found(GraphQLClient(), username="bob") is None


def test_addresses_of_others_are_not_disclosed(
    client_of: ClientOf,
    alice: User,
    bob: User,
    second: EmailAddress,
    statements: Callable[[], AbstractContextManager[Statements]],
) -> None:
    """An existing address is answered as one that does not exist, by the same statement."""
    for email in (alice.email, second.email):
        assert found(client_of(alice), email=email) == "alice"
    client, read = client_of(bob), []
    User.objects.filter(pk=alice.pk).update(is_public=True)
    for email in (alice.email, second.email, "unknown@example.org"):
        with statements() as captured:
            assert found(client, email=email) is None
        read.append([text.replace(email, "ADDRESS") for text in captured])
    assert read[0] == read[1] == read[2]
    assert found(client, username="alice") == "alice"


def test_tokens_find_own_addresses_with_the_scope_of_the_profile(alice: User, sam: User) -> None:
    users_only = GraphQLClient(make_api_token(alice, Scope.USERS_READ))
    assert found(users_only, email=alice.email) is None
    with_profile = GraphQLClient(make_api_token(alice, Scope.USERS_READ, Scope.PROFILE_READ))
    assert found(with_profile, email=alice.email) == "alice"
    of_staff = GraphQLClient(make_api_token(sam, Scope.USERS_READ))
    assert found(of_staff, email=alice.email) == "alice"
