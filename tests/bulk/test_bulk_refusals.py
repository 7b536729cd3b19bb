"""Refused starts of bulk actions change no user and write no row."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from core.outbox.models import OutboxMessage
from tests.support.api_tokens import assert_insufficient
from tests.support.bulk_actions import (
    CANCEL,
    LIST,
    READ,
    carried_out,
    counts,
    make_people,
    start,
    started,
)
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import (
    make_api_token,
    make_bulk_action,
    make_session,
    make_token,
    make_user,
    node_id,
)
from tests.support.second_factors import age_authentication
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import ApiToken, Session, Suspension
from users.authentication.sessions.access_tokens import issue_access_token
from users.bulk.models import BulkAction
from users.bulk.throttling import STARTS_PER_USER
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]


@pytest.fixture(autouse=True)
def users(db: None) -> list[User]:
    return make_people(2)


def state() -> tuple[Any, ...]:
    """Return the rows that a refused start must not change."""
    return (
        sorted(User.objects.values_list("pk", "is_active")),
        sorted(BulkAction.objects.values_list("pk", "state")),
        sorted(OutboxMessage.objects.values_list("pk", flat=True)),
        Suspension.objects.count(),
        Event.objects.count(),
    )


# Expected count --------------------------------------------------------------------------


@pytest.mark.parametrize("expected", [0, 1, 3, 10_000_000])
def test_wrong_expected_count_changes_no_user(administrator: GraphQLClient, expected: int) -> None:
    before = state()
    answer = start(administrator, expected)
    payload = answer.data["startBulkAction"]
    assert answer.problems == [("SELECTION_CHANGED", "expectedCount")]
    assert payload["errors"][0]["message"] == (
        "Selected users: 2. Check the selection and try again."
    )
    assert payload["selectedCount"] == {"value": 2, "isExact": True}
    assert payload["bulkAction"] is None
    assert state() == before


def test_counting_stops_at_the_limit(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("users.bulk.services.start.COUNTED", 1)
    answer = start(administrator, 1)
    payload = answer.data["startBulkAction"]
    assert payload["selectedCount"] == {"value": 1, "isExact": False}
    assert payload["errors"][0]["message"] == (
        "More than 1 users are selected. Check the selection and try again."
    )
    # A larger expected count raises the limit of the count.
    answer = start(administrator, 5)
    assert answer.data["startBulkAction"]["selectedCount"] == {"value": 2, "isExact": True}
    assert not BulkAction.objects.exists()


@pytest.mark.parametrize("expected", [-1, 10_000_001])
def test_invalid_expected_counts_are_refused(administrator: GraphQLClient, expected: int) -> None:
    before = state()
    assert start(administrator, expected).problems == [("VALUE_INVALID", "expectedCount")]
    assert state() == before


# Arguments and selections ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"reason": None}, [("VALUE_INVALID", "reason")]),
        ({"reason": " "}, [("VALUE_INVALID", "reason")]),
        ({"reason": "x" * 501}, [("VALUE_INVALID", "reason")]),
        ({"until": "2020-01-01T00:00:00Z"}, [("VALUE_INVALID", "until")]),
        ({"groupId": "x"}, [("VALUE_INVALID", "groupId")]),
        ({"action": "REACTIVATE"}, [("VALUE_INVALID", "reason")]),
        (
            {"action": "ADD_TO_GROUP", "until": "2100-01-01T00:00:00Z"},
            [("VALUE_INVALID", name) for name in ("groupId", "reason", "until")],
        ),
        (
            {"action": "ADD_TO_GROUP", "reason": None, "groupId": "x"},
            [("NOT_FOUND", "groupId")],
        ),
        (
            {"action": "REMOVE_FROM_GROUP", "reason": None, "groupId": "R3JvdXA6OTk="},
            [("NOT_FOUND", "groupId")],
        ),
    ],
)
def test_mismatched_arguments_are_refused(
    administrator: GraphQLClient, values: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    before = state()
    assert start(administrator, 2, **values).problems == problems
    assert state() == before


@pytest.mark.parametrize(
    "values",
    [
        {"search": ""},
        {"search": "!"},
        {"search": "x" * 101},
        {"filter": {"or": []}},
        {"filter": {"not": {"not": {"not": {"not": {"not": {"isActive": True}}}}}}},
        {"filter": {"publicMetadata": []}},
    ],
)
def test_invalid_selections_are_refused(
    administrator: GraphQLClient, values: dict[str, Any]
) -> None:
    before = state()
    assert start(administrator, 2, **values).codes == ["ARGUMENT_INVALID"]
    assert state() == before


# Permissions -----------------------------------------------------------------------------


def test_only_administrators_start_bulk_actions(
    client_of: ClientOf, anonymous: GraphQLClient, sam: User, alice: User
) -> None:
    before = state()
    assert start(anonymous, 2).codes == ["UNAUTHENTICATED"]
    for user in (sam, alice):
        assert start(client_of(user), 2).codes == ["FORBIDDEN"]
    assert state() == before


def test_starting_requires_recent_authentication(administrator: GraphQLClient) -> None:
    age_authentication()
    before = state()
    assert start(administrator, 2).codes == ["REAUTHENTICATION_REQUIRED"]
    assert state() == before


def test_canceling_requires_no_recent_authentication(administrator: GraphQLClient) -> None:
    bulk_action = started(administrator, 2)
    age_authentication()
    assert administrator(CANCEL, id=node_id(bulk_action)).problems == []


def test_impersonation_cannot_start_or_see_bulk_actions(root: User, alice: User) -> None:
    # Alice was an administrator when she started it.
    bulk_action = make_bulk_action(alice)
    session = make_session(alice)
    Session.objects.filter(pk=session.pk).update(
        impersonator=root,
        impersonation_reason="Ticket 7",
        expires_at=session.created_at + dt.timedelta(minutes=9),
    )
    client = GraphQLClient(issue_access_token(Session.objects.get(pk=session.pk)))
    before = state()
    refusals = [
        start(client, 2),
        client(CANCEL, id=node_id(bulk_action)),
        client(READ, id=node_id(bulk_action)),
        client(LIST),
    ]
    for answer in refusals:
        assert (answer.status, answer.codes) == (403, ["INSUFFICIENT_SCOPE"])
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert client(node, id=node_id(bulk_action)).data == {"node": None}
    assert state() == before


# By API token ----------------------------------------------------------------------------


def test_token_scopes_apply_to_bulk_actions(root: User, users: list[User]) -> None:
    client = GraphQLClient(make_api_token(root, Scope.USERS_WRITE))

    bulk_action = carried_out(client, 2)

    token = ApiToken.objects.get()
    assert (counts(bulk_action), bulk_action.token_id) == ((2, 0, 0), token.pk)
    events = Event.objects.filter(subject_id__in=[user.pk for user in users])
    assert {event.data["by_token"] for event in events} == {str(token.pk)}
    assert client(READ, id=node_id(bulk_action)).data["bulkAction"]["done"] == 2


@pytest.mark.parametrize(
    "kind",
    [
        *("END_SESSIONS", "UNLOCK", "REQUIRE_PASSWORD_RESET", "RESET_SECOND_FACTORS"),
        *("DELETE", "CANCEL_DELETION", "ADD_TO_GROUP", "REMOVE_FROM_GROUP"),
    ],
)
def test_tokens_cannot_start_session_only_actions(root: User, kind: str) -> None:
    group = Group.objects.create(name="Editors")
    others = [scope for scope in Scope if "GROUP" not in kind or scope is not Scope.GROUPS_WRITE]
    client = GraphQLClient(make_api_token(root, *others))
    before = state()
    given = {"groupId": node_id(group)} if "GROUP" in kind else {}
    answer = start(client, 2, action=kind, reason=None, **given)
    assert answer.codes == ["INSUFFICIENT_SCOPE"]
    assert state() == before


def test_token_with_both_scopes_changes_groups(root: User, users: list[User]) -> None:
    group = Group.objects.create(name="Editors")
    client = GraphQLClient(make_api_token(root, Scope.USERS_WRITE, Scope.GROUPS_WRITE))
    given = {"action": "ADD_TO_GROUP", "reason": None, "groupId": node_id(group)}
    assert counts(carried_out(client, 2, **given)) == (2, 0, 0)
    assert set(group.user_set.all()) == set(users)


def test_token_requires_the_scope_to_change_users(root: User) -> None:
    bulk_action = make_bulk_action(root)
    others = [scope for scope in Scope if scope is not Scope.USERS_WRITE]
    client = GraphQLClient(make_api_token(root, *others))
    before = state()
    assert_insufficient(start(client, 2), "users:write")
    assert_insufficient(client(LIST), "users:write")
    assert_insufficient(client(READ, id=node_id(bulk_action)), "users:write")
    assert_insufficient(client(CANCEL, id=node_id(bulk_action)), "users:write")
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert client(node, id=node_id(bulk_action)).data == {"node": None}
    assert state() == before


# Rate limits -----------------------------------------------------------------------------


def test_only_one_bulk_action_runs_at_a_time(
    client_of: ClientOf, administrator: GraphQLClient
) -> None:
    started(administrator, 2)
    before = state()
    assert start(administrator, 2).problems == [("BULK_ACTION_RUNNING", "")]
    assert state() == before
    # Per requester.
    ruth = make_user("ruth", is_staff=True, is_superuser=True)
    assert start(client_of(ruth), 2).problems == []


@pytest.mark.django_db(transaction=True)
def test_concurrent_starts_create_one_bulk_action() -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    clients = [GraphQLClient(make_token(root)) for _number in range(2)]
    answers = run_concurrently(*[lambda client=client: start(client, 2) for client in clients])
    assert sorted(map(len, (answer.problems for answer in answers))) == [0, 1]
    assert BulkAction.objects.count() == OutboxMessage.objects.count() == 1


def test_attempts_are_limited(administrator: GraphQLClient) -> None:
    for _number in range(STARTS_PER_USER.count):
        assert start(administrator, 9).problems == [("SELECTION_CHANGED", "expectedCount")]
    before = state()
    assert start(administrator, 2).codes == ["TOO_MANY_ATTEMPTS"]
    assert state() == before


# Translation -----------------------------------------------------------------------------


def test_refusals_are_translated(administrator: GraphQLClient) -> None:
    query = """mutation { startBulkAction(input: {
      action: UNLOCK, filter: {isActive: true}, expectedCount: 1
    }) { errors { message } } }"""
    answer = administrator.post(json.dumps({"query": query}), **{"Accept-Language": "de"})
    (error,) = answer.data["startBulkAction"]["errors"]
    assert error["message"] == (
        "Ausgewählte Personen: 3. Prüfen Sie die Auswahl und versuchen Sie es noch einmal."
    )
