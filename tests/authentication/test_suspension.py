"""Suspension: permissions, immediate effect, end dates and visibility."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.utils import timezone

from tests.authentication.test_passwords import give_reset, is_signed_in, log_in
from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_organization, make_session, make_user, node_id
from users.accounts.models import User
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag
from users.authentication.models import PasswordReset, Session, Suspension
from users.authentication.sessions.access_tokens import issue_access_token

ClientOf = Callable[[User], GraphQLClient]
Capture = Callable[[], AbstractContextManager[Statements]]

SUSPEND = """
    mutation ($input: SuspendUserInput!) {
      suspendUser(input: $input) {
        user { username isActive activeSessionCount } errors { code field message }
      }
    }
"""
REACTIVATE = """
    mutation ($userId: ID!) {
      reactivateUser(input: {userId: $userId}) {
        user { username isActive } errors { code field message }
      }
    }
"""
COOKIE_LOG_IN = """
    mutation ($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password, transport: COOKIE}) { errors { code } }
    }
"""
UNTIL = "2100-01-31T12:00:00+02:00"
UNTIL_IN_UTC = "2100-01-31T10:00:00Z"
REASON = "Sent spam."


def suspend(client: GraphQLClient, user: User, reason: str = REASON, **values: Any) -> Answer:
    return client(SUSPEND, input={"userId": node_id(user), "reason": reason} | values)


def reactivate(client: GraphQLClient, user: User) -> Answer:
    return client(REACTIVATE, userId=node_id(user))


def suspend_for(user: User, *, seconds: int) -> None:
    """Suspend a user for ``seconds``."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    until = timezone.now() + dt.timedelta(seconds=seconds)
    Suspension.objects.create(user=user, reason=REASON, until=until)


def state() -> tuple[Any, ...]:
    """Return the rows that a refusal must not change."""
    return (
        sorted(User.objects.values_list("pk", "is_active")),
        sorted(Suspension.objects.values_list("pk", "reason", "created_at")),
        sorted(Session.objects.values_list("pk", flat=True)),
        Event.objects.count(),
    )


def personal(event: Event) -> dict[str, Any]:
    values = dict(EventDetails.objects.get(event=event).values)
    return {name: value for name, value in values.items() if name not in {"ip", "user_agent"}}


# Suspending ------------------------------------------------------------------------------


def test_suspension_applies_immediately(
    administrator: GraphQLClient, client_of: ClientOf, alice: User, root: User
) -> None:
    by_token, by_cookie = client_of(alice), GraphQLClient()
    by_cookie(COOKIE_LOG_IN, login="alice", password=PASSWORD)
    assert is_signed_in(by_cookie)
    give_reset(alice)
    seen = Event.objects.count()

    answer = suspend(administrator, alice, f" {REASON} ", until=UNTIL)

    assert answer.data["suspendUser"] == {
        "user": {"username": "alice", "isActive": False, "activeSessionCount": 0},
        "errors": [],
    }
    assert by_token("{ me { username } }").status == 401
    assert not is_signed_in(by_cookie)
    suspension = Suspension.objects.get(user=alice)
    assert (suspension.reason, suspension.until) == (REASON, dt.datetime.fromisoformat(UNTIL))
    alice.refresh_from_db()
    assert not alice.is_active
    assert not PasswordReset.objects.exists()
    (event,) = Event.objects.order_by("pk")[seen:]
    assert (event.tag, event.actor_id, event.subject_id) == (
        Tag.USER_SUSPENDED,
        root.pk,
        alice.pk,
    )
    assert event.data == {"until": UNTIL_IN_UTC, "sessions": 2}
    assert personal(event) == {"reason": REASON}
    assert log_in(alice, PASSWORD) == [("CREDENTIALS_INVALID", "login")]


@pytest.mark.parametrize("reason", ["", " \n", "r" * 501, "a\0b"])
def test_reason_is_required(administrator: GraphQLClient, alice: User, reason: str) -> None:
    before = state()
    assert suspend(administrator, alice, reason).problems == [("VALUE_INVALID", "reason")]
    assert state() == before
    assert suspend(administrator, alice, "r" * 500).problems == []


@pytest.mark.parametrize(
    "until",
    [
        "2020-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_end_must_be_in_the_future(administrator: GraphQLClient, alice: User, until: str) -> None:
    before = state()
    problems = suspend(administrator, alice, until=until).problems
    assert problems == [("VALUE_INVALID", "until")]
    assert state() == before


def test_end_requires_an_offset(administrator: GraphQLClient, alice: User) -> None:
    answer = suspend(administrator, alice, until="2100-01-01T00:00:00")
    assert answer.codes == ["GRAPHQL_VARIABLES_INVALID"]


def test_all_problems_are_reported_together(administrator: GraphQLClient, alice: User) -> None:
    before = state()
    problems = suspend(administrator, alice, "", until="2020-01-01T00:00:00Z").problems
    assert problems == [("VALUE_INVALID", "reason"), ("VALUE_INVALID", "until")]
    assert state() == before


def test_unknown_user_cannot_be_suspended(administrator: GraphQLClient, alice: User) -> None:
    before = state()
    for user_id in ("", "alice", node_id(User(username="x")), node_id(make_organization("Acme"))):
        answer = administrator(SUSPEND, input={"userId": user_id, "reason": REASON})
        assert answer.problems == [("NOT_FOUND", "userId")]
        assert administrator(REACTIVATE, userId=user_id).problems == [("NOT_FOUND", "userId")]
    assert state() == before


@pytest.mark.parametrize("who", ["anonymous", "alice", "sam"])
def test_only_administrators_suspend_and_reactivate(
    anonymous: GraphQLClient, client_of: ClientOf, alice: User, sam: User, who: str
) -> None:
    gone = make_user("gone")
    suspend_for(gone, seconds=60)
    client = {"alice": client_of(alice), "sam": client_of(sam)}.get(who, anonymous)
    code = "UNAUTHENTICATED" if who == "anonymous" else "FORBIDDEN"
    before = state()
    assert suspend(client, alice).codes == [code]
    assert suspend(client, alice, "", until="2020-01-01T00:00:00Z").codes == [code]
    assert reactivate(client, gone).codes == [code]
    assert state() == before


def test_suspending_again_updates_reason_and_end(administrator: GraphQLClient, alice: User) -> None:
    assert suspend(administrator, alice, until=UNTIL).problems == []
    since = Suspension.objects.get().created_at
    assert suspend(administrator, alice, "Sent more.").problems == []
    suspension = Suspension.objects.get()
    assert (suspension.reason, suspension.until) == ("Sent more.", None)
    assert suspension.created_at == since
    event = Event.objects.latest("pk")
    assert event.data == {"old_until": UNTIL_IN_UTC, "until": None, "sessions": 0}
    assert personal(event) == {"old_reason": REASON, "reason": "Sent more."}

    before = state()
    assert suspend(administrator, alice, "Sent more. ").problems == []
    assert state() == before


# The last administrator ------------------------------------------------------------------


def test_last_active_administrator_cannot_be_suspended(
    administrator: GraphQLClient, root: User
) -> None:
    make_user("former", is_superuser=True, is_active=False)
    before = state()
    assert suspend(administrator, root).problems == [("LAST_ADMINISTRATOR", "userId")]
    assert state() == before
    assert is_signed_in(administrator)

    rosa = make_user("rosa", is_superuser=True)
    assert suspend(administrator, root).problems == []
    assert not is_signed_in(administrator)
    assert list(User.objects.administrators()) == [rosa]


@pytest.mark.parametrize("_time", range(5))
def test_concurrent_mutual_suspensions_keep_one_administrator(
    transactional_db: None, _time: int
) -> None:
    root, rosa = (make_user(name, is_superuser=True) for name in ("root", "rosa"))
    tokens = {user: issue_access_token(make_session(user)) for user in (root, rosa)}
    run_concurrently(
        lambda: suspend(GraphQLClient(tokens[root]), rosa),
        lambda: suspend(GraphQLClient(tokens[rosa]), root),
    )
    assert User.objects.administrators().count() == 1
    assert Suspension.objects.count() == 1


@pytest.mark.parametrize("_time", range(5))
def test_concurrent_log_in_is_refused(transactional_db: None, _time: int) -> None:
    alice, root = make_user("alice"), make_user("root", is_superuser=True)
    token = issue_access_token(make_session(root))
    suspended, _logged_in = run_concurrently(
        lambda: suspend(GraphQLClient(token), alice).problems, lambda: log_in(alice, PASSWORD)
    )
    assert suspended == []
    assert not Session.objects.filter(user=alice).exists()


# Visibility ------------------------------------------------------------------------------


def test_staff_read_reason_and_end(client_of: ClientOf, sam: User, root: User, alice: User) -> None:
    query = (
        "query ($id: ID!) { node(id: $id) { ... on User { suspension {reason until createdAt} } } }"
    )
    for client in (client_of(sam), client_of(root)):
        assert client(query, id=node_id(alice)).data["node"] == {"suspension": None}
    assert suspend(client_of(root), alice, until=UNTIL).problems == []
    (since,) = Suspension.objects.values_list("created_at", flat=True)
    for client in (client_of(sam), client_of(root)):
        suspension = client(query, id=node_id(alice)).data["node"]["suspension"]
        assert (suspension["reason"], suspension["until"]) == (REASON, "2100-01-31T10:00:00+00:00")
        assert dt.datetime.fromisoformat(suspension["createdAt"]) == since


def test_others_cannot_read_suspensions(client_of: ClientOf, alice: User, bob: User) -> None:
    for user in (alice, bob):
        Suspension.objects.create(user=user, reason=REASON)
    client = client_of(alice)
    assert client("{ me { suspension { reason } } }").data["me"] == {"suspension": None}
    answer = client("{ users(first: 5) { edges { node { username suspension { reason } } } } }")
    assert [edge["node"] for edge in answer.data["users"]["edges"]] == [
        {"username": username, "suspension": None} for username in ("alice", "bob")
    ]


def test_page_queries_do_not_depend_on_suspensions(
    client_of: ClientOf, sam: User, statements: Capture
) -> None:
    client = client_of(sam)
    query = "{ users(first: 50) { edges { node { username suspension { reason until } } } } }"
    costs = []
    for count in (2, 20):
        for number in range(count):
            suspend_for(make_user(f"person-{count}-{number}"), seconds=60)
        with statements() as captured:
            answer = client(query)
        assert answer.data["users"]["edges"][0]["node"]["suspension"]["reason"] == REASON
        costs.append(len(captured))
    # One for the session, and one for the users with their suspensions.
    assert costs == [2, 2]
