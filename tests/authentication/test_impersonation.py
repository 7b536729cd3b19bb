"""Impersonation: permissions, lifetime, ends, audit trail and notification."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jwt
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import (
    make_api_token,
    make_factors,
    make_service,
    make_session,
    make_user,
    node_id,
)
from tests.support.second_factors import age_authentication, strong_client
from tests.support.signing_in import ALICE, ME, ClientOf, log_in, refresh, tags
from tests.support.sink import Sink
from tests.support.world import everything
from users.accounts.models import LastSeen, User
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session
from users.authentication.tasks import prune_sessions, record_last_seen
from users.scopes import Scope

Capture = Callable[[], AbstractContextManager[Statements]]

MINUTE = dt.timedelta(minutes=1)
REASON = "Ticket 7: cannot see the organisation."
IMPERSONATE = """
    mutation ($input: ImpersonateUserInput!) { impersonateUser(input: $input) {
      accessToken refreshToken expiresAt user { username } errors { code field message }
    } }
"""
UPDATE = 'mutation { updateProfile(input: {name: "Al"}) { user { name } errors { code field } } }'
SESSIONS = "{ sessions(first: 9) { nodes { id isImpersonated isCurrent ip userAgent methods } } }"
EVENTS = """{ events(first: 9) { nodes {
  tag data ip userAgent personal actor { username } subject { username }
} } }"""
REVOKE = """
    mutation ($id: ID!) { revokeSession(input: {sessionId: $id}) { count errors { code field } } }
"""
SUSPEND = """
    mutation ($id: ID!) {
      suspendUser(input: {userId: $id, reason: "Spam"}) { errors { code field } }
    }
"""
REFUSED = ["INSUFFICIENT_SCOPE"]


def impersonate(client: GraphQLClient, user: User, reason: str = REASON, **values: Any) -> Answer:
    return client(IMPERSONATE, input={"userId": node_id(user), "reason": reason} | values)


def begin(client: GraphQLClient, user: User, **values: Any) -> GraphQLClient:
    """Return a client that impersonates the user."""
    answer = impersonate(client, user, **values)
    assert answer.problems == []
    return GraphQLClient(answer.data["impersonateUser"]["accessToken"])


def impersonation() -> Session:
    return Session.objects.impersonations().get()


def last_event() -> Event:
    return Event.objects.latest("pk")


def is_over(client: GraphQLClient) -> bool:
    return client(ME).status == 401


# Beginning -------------------------------------------------------------------------------


def test_administrator_impersonates_a_user(
    administrator: GraphQLClient, alice: User, root: User
) -> None:
    own = make_session(alice)
    answer = impersonate(administrator, alice, f" {REASON} ", minutes=15)
    payload = answer.data["impersonateUser"]
    assert payload["user"] == {"username": "alice"}
    client = GraphQLClient(payload["accessToken"])
    assert client(ME).data == ALICE
    # The user's own sessions continue.
    assert administrator(ME).data == {"me": {"username": "root"}}
    session = impersonation()
    assert (session.user, session.impersonator) == (alice, root)
    assert session.impersonation_reason == REASON
    assert (session.cookie_digest, session.ip, session.user_agent) == (None, None, "")
    assert abs(session.expires_at - timezone.now() - 15 * MINUTE) < MINUTE
    assert payload["expiresAt"] == session.expires_at.isoformat()
    assert Session.objects.get(pk=own.pk).last_seen_at == own.last_seen_at
    event = last_event()
    assert (event.tag, event.actor_id, event.subject_id) == (
        Tag.IMPERSONATION_BEGUN,
        root.pk,
        alice.pk,
    )
    assert event.data == {
        "session": str(session.pk),
        "expires_at": session.expires_at.isoformat().replace("+00:00", "Z")[:23] + "Z",
    }
    assert EventDetails.objects.get(event=event).values["reason"] == REASON


def test_impersonation_lifetime_is_limited_by_settings(
    administrator: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.IMPERSONATION_MAX = 20 * MINUTE
    begin(administrator, alice)
    assert abs(impersonation().expires_at - timezone.now() - 20 * MINUTE) < MINUTE


def test_access_token_names_the_impersonator(
    administrator: GraphQLClient, alice: User, root: User, settings: Any
) -> None:
    settings.ACCESS_TOKEN_TTL = 10 * MINUTE
    token = impersonate(administrator, alice, minutes=3).data["impersonateUser"]["accessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["act"]) == (str(alice.pk), {"sub": str(root.pk)})
    assert claims["exp"] == int(impersonation().expires_at.timestamp())
    own = jwt.decode(log_in()["accessToken"], options={"verify_signature": False})
    assert "act" not in own


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"reason": "  "}, ("VALUE_INVALID", "reason")),
        ({"reason": "x" * 501}, ("VALUE_INVALID", "reason")),
        ({"reason": "a\0b"}, ("VALUE_INVALID", "reason")),
        ({"minutes": 0}, ("VALUE_INVALID", "minutes")),
        ({"minutes": -5}, ("VALUE_INVALID", "minutes")),
        ({"minutes": 31}, ("VALUE_INVALID", "minutes")),
        ({"minutes": 2**31 - 1}, ("VALUE_INVALID", "minutes")),
        ({"userId": "unknown"}, ("NOT_FOUND", "userId")),
    ],
)
def test_invalid_input_starts_no_impersonation(
    administrator: GraphQLClient, alice: User, values: Any, problem: tuple[str, str]
) -> None:
    before = everything()
    given = {"userId": node_id(alice), "reason": REASON} | values
    assert administrator(IMPERSONATE, input=given).problems == [problem]
    assert (everything(), tags()) == (before, [])


def test_impersonation_can_be_disabled(
    administrator: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.IMPERSONATION_MAX = dt.timedelta(0)
    assert impersonate(administrator, alice).problems == [("IMPERSONATION_REFUSED", "")]
    assert not Session.objects.impersonations().exists()


def test_staff_service_accounts_and_suspended_users_cannot_be_impersonated(
    administrator: GraphQLClient, root: User, sam: User
) -> None:
    users = [
        *(root, sam, make_user("other", is_superuser=True), make_service("robot")),
        make_user("shut", is_active=False),
    ]
    before = everything()
    for user in users:
        assert impersonate(administrator, user).problems == [("IMPERSONATION_REFUSED", "userId")]
    erased = make_user("erased", is_active=False, erased_at=timezone.now())
    assert impersonate(administrator, erased).problems == [("NOT_FOUND", "userId")]
    erased.delete()
    assert (everything(), tags()) == (before, [])


def test_impersonation_requires_interactive_recently_authenticated_administrator(
    client_of: ClientOf, anonymous: GraphQLClient, alice: User, bob: User, sam: User, root: User
) -> None:
    assert impersonate(anonymous, bob).codes == ["UNAUTHENTICATED"]
    assert impersonate(client_of(alice), bob).codes == ["FORBIDDEN"]
    assert impersonate(client_of(sam), bob).codes == ["FORBIDDEN"]
    by_token = GraphQLClient(make_api_token(root, *(scope.value for scope in Scope)))
    assert impersonate(by_token, bob).codes == REFUSED
    administrator = client_of(root)
    age_authentication()
    assert impersonate(administrator, bob).codes == ["REAUTHENTICATION_REQUIRED"]
    assert not Session.objects.impersonations().exists()
    assert tags() == []


def test_step_up_uses_the_administrators_factor(root: User, alice: User, settings: Any) -> None:
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_GRACE = "all", dt.timedelta(0)
    make_factors(root)
    administrator = strong_client(root)
    # A user with an overdue enrollment can be impersonated, and still has to enroll.
    assert begin(administrator, alice)(ME).data == ALICE
    make_factors(alice)
    assert begin(administrator, alice)(ME).data == ALICE
    Session.objects.filter(user=root).update(factor_at=timezone.now() - 11 * MINUTE)
    assert impersonate(administrator, alice).codes == ["REAUTHENTICATION_REQUIRED"]


# Ending ----------------------------------------------------------------------------------


def test_impersonation_is_never_extended(administrator: GraphQLClient, alice: User) -> None:
    tokens = impersonate(administrator, alice).data["impersonateUser"]
    ends = impersonation().expires_at
    Session.objects.update(last_seen_at=timezone.now() - 60 * MINUTE)
    client = GraphQLClient(tokens["accessToken"])
    client(ME)
    payload = refresh(tokens["refreshToken"]).data["refreshTokens"]
    assert payload["user"] == {"username": "alice"}
    client.token = payload["accessToken"]
    assert client(ME).data == ALICE
    assert impersonation().expires_at == ends
    assert {token.expires_at for token in RefreshToken.objects.all()} == {ends}
    Session.objects.impersonations().update(expires_at=timezone.now())
    assert is_over(client)
    assert refresh(payload["refreshToken"]).problems == [("TOKEN_INVALID", "refreshToken")]


def test_end_by_time_is_recorded(administrator: GraphQLClient, alice: User) -> None:
    begin(administrator, alice)
    session = impersonation()
    past = timezone.now() - MINUTE
    Session.objects.impersonations().update(expires_at=past)
    prune_sessions()
    assert not Session.objects.filter(pk=session.pk).exists()
    event = last_event()
    assert (event.tag, event.actor_id, event.subject_id) == (
        Tag.IMPERSONATION_ENDED,
        None,
        alice.pk,
    )
    assert event.data["session"] == str(session.pk)
    assert event.data["ended_at"][:19] == past.isoformat()[:19]
    count = Event.objects.count()
    prune_sessions()
    assert Event.objects.count() == count


def test_user_sees_and_ends_the_impersonation(
    administrator: GraphQLClient, client_of: ClientOf, alice: User
) -> None:
    client = begin(administrator, alice)
    mine = client_of(alice)
    own, theirs = mine(SESSIONS).data["sessions"]["nodes"]
    assert (own["isImpersonated"], own["isCurrent"]) == (False, True)
    assert (theirs["isImpersonated"], theirs["methods"]) == (True, [])
    assert (theirs["ip"], theirs["userAgent"]) == (None, "")
    assert mine(REVOKE, id=theirs["id"]).problems == []
    assert is_over(client)
    assert last_event().tag == Tag.IMPERSONATION_ENDED
    assert last_event().actor_id == alice.pk


def test_refresh_token_reuse_ends_the_impersonation(
    administrator: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.REFRESH_GRACE = dt.timedelta(0)
    token = impersonate(administrator, alice).data["impersonateUser"]["refreshToken"]
    assert refresh(token).problems == []
    assert refresh(token).problems == [("TOKEN_INVALID", "refreshToken")]
    assert not Session.objects.impersonations().exists()
    assert tags()[-2:] == ["session:refresh_token:reuse", "session:user:end_impersonation"]


@pytest.mark.parametrize("changed", ["is_superuser", "is_active"])
def test_lost_role_ends_the_impersonation(
    administrator: GraphQLClient, alice: User, root: User, changed: str
) -> None:
    tokens = impersonate(administrator, alice).data["impersonateUser"]
    User.objects.filter(pk=root.pk).update(**{changed: False})
    assert is_over(GraphQLClient(tokens["accessToken"]))
    assert refresh(tokens["refreshToken"]).problems == [("TOKEN_INVALID", "refreshToken")]


@pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
def test_promoted_user_ends_the_impersonation(
    administrator: GraphQLClient, alice: User, flag: str
) -> None:
    client = begin(administrator, alice)
    User.objects.filter(pk=alice.pk).update(**{flag: True})
    assert is_over(client)


def test_ending_sessions_ends_the_impersonation(
    administrator: GraphQLClient, client_of: ClientOf, alice: User, bob: User
) -> None:
    first, second = begin(administrator, alice), begin(administrator, bob)
    everywhere = "mutation { logOutEverywhere { count errors { code field } } }"
    assert client_of(bob)(everywhere).data["logOutEverywhere"]["count"] == 2
    assert (is_over(first), is_over(second)) == (False, True)
    administrator(everywhere)
    assert is_over(first)
    assert tags().count(Tag.IMPERSONATION_ENDED) == 2
    assert Session.objects.count() == 0


def test_impersonation_does_not_update_last_seen(administrator: GraphQLClient, alice: User) -> None:
    begin(administrator, alice)(ME)
    record_last_seen()
    assert LastSeen.objects.get(user=alice).at is None


@pytest.mark.parametrize(
    "broken",
    [
        {"impersonation_reason": ""},
        {"cookie_digest": b"x" * 32},
        {"expires_at": timezone.now() + dt.timedelta(days=1)},
    ],
)
def test_constraints_describe_impersonations(
    administrator: GraphQLClient, alice: User, broken: Any
) -> None:
    begin(administrator, alice)
    with (
        pytest.raises(IntegrityError, match="session_impersonation_is_short"),
        transaction.atomic(),
    ):
        Session.objects.impersonations().update(**broken)


@pytest.mark.django_db(transaction=True)
def test_concurrent_suspension_wins_over_impersonation() -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    other = make_user("other", is_staff=True, is_superuser=True)
    for number in range(5):
        person = make_user(f"person-{number}")
        clients = strong_client(root), strong_client(other)
        begun, shut = run_concurrently(
            lambda: impersonate(clients[0], person),  # noqa: B023 - called before the next turn
            lambda: clients[1](SUSPEND, id=node_id(person)),  # noqa: B023 - as above
        )
        assert shut.problems == []
        assert begun.problems in ([], [("IMPERSONATION_REFUSED", "userId")])
        assert not Session.objects.filter(user=person).exists()


# Notification ----------------------------------------------------------------------------


def test_user_is_notified_immediately(worker: Sink) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    begin(strong_client(root), make_user("alice"))
    mail = worker.next()
    assert (mail["Subject"], mail["To"]) == (
        "An administrator is signed in to your account",
        "alice@example.org",
    )
    body = mail.get_body(("plain",))
    assert body is not None
    assert REASON not in body.get_content()
