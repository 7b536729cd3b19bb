"""Acting in somebody's name: by whom, of whom, for how long, what not, and who learns of it."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jwt
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.client import Answer, GraphQLClient, at_once
from tests.conftest import Sink, Statements
from tests.factories import (
    make_api_token,
    make_factors,
    make_service,
    make_session,
    make_user,
    node_id,
)
from tests.second_factors import let_proofs_age, strong_client
from tests.signing_in import ALICE, ME, ClientOf, log_in, refresh, tags
from tests.world import everything
from users.accounts.models import LastSeen, User
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session
from users.authentication.tasks import note_last_seen, prune_sessions
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
    """Return a client that acts in the person's name."""
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


def test_administrator_acts_in_a_persons_name(
    administrator: GraphQLClient, alice: User, root: User
) -> None:
    own = make_session(alice)
    answer = impersonate(administrator, alice, f" {REASON} ", minutes=15)
    payload = answer.data["impersonateUser"]
    assert payload["user"] == {"username": "alice"}
    client = GraphQLClient(payload["accessToken"])
    assert client(ME).data == ALICE
    # Their own sessions stay what they are.
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


def test_it_lasts_as_long_as_the_deployment_lets_it(
    administrator: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.IMPERSONATION_MAX = 20 * MINUTE
    begin(administrator, alice)
    assert abs(impersonation().expires_at - timezone.now() - 20 * MINUTE) < MINUTE


def test_access_token_tells_who_acts(
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
        ({"userId": "nobody"}, ("NOT_FOUND", "userId")),
    ],
)
def test_bad_input_begins_nothing(
    administrator: GraphQLClient, alice: User, values: Any, problem: tuple[str, str]
) -> None:
    before = everything()
    given = {"userId": node_id(alice), "reason": REASON} | values
    assert administrator(IMPERSONATE, input=given).problems == [problem]
    assert (everything(), tags()) == (before, [])


def test_it_can_be_switched_off(administrator: GraphQLClient, alice: User, settings: Any) -> None:
    settings.IMPERSONATION_MAX = dt.timedelta(0)
    assert impersonate(administrator, alice).problems == [("IMPERSONATION_REFUSED", "")]
    assert not Session.objects.impersonations().exists()


def test_nobody_acts_for_who_may_more_or_nothing(
    administrator: GraphQLClient, root: User, sam: User
) -> None:
    people = [
        *(root, sam, make_user("other", is_superuser=True), make_service("robot")),
        make_user("shut", is_active=False),
    ]
    before = everything()
    for user in people:
        assert impersonate(administrator, user).problems == [("IMPERSONATION_REFUSED", "userId")]
    erased = make_user("erased", is_active=False, erased_at=timezone.now())
    assert impersonate(administrator, erased).problems == [("NOT_FOUND", "userId")]
    erased.delete()
    assert (everything(), tags()) == (before, [])


def test_only_administrators_in_person_and_of_late_may(
    client_of: ClientOf, anonymous: GraphQLClient, alice: User, bob: User, sam: User, root: User
) -> None:
    assert impersonate(anonymous, bob).codes == ["UNAUTHENTICATED"]
    assert impersonate(client_of(alice), bob).codes == ["FORBIDDEN"]
    assert impersonate(client_of(sam), bob).codes == ["FORBIDDEN"]
    by_token = GraphQLClient(make_api_token(root, *(scope.value for scope in Scope)))
    assert impersonate(by_token, bob).codes == REFUSED
    administrator = client_of(root)
    let_proofs_age()
    assert impersonate(administrator, bob).codes == ["REAUTHENTICATION_REQUIRED"]
    assert not Session.objects.impersonations().exists()
    assert tags() == []


def test_administrators_factor_is_asked_for_and_not_the_persons(
    root: User, alice: User, settings: Any
) -> None:
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_GRACE = "all", dt.timedelta(0)
    make_factors(root)
    administrator = strong_client(root)
    # Whoever is due to set one up can be helped, and is not relieved of it.
    assert begin(administrator, alice)(ME).data == ALICE
    make_factors(alice)
    assert begin(administrator, alice)(ME).data == ALICE
    Session.objects.filter(user=root).update(factor_at=timezone.now() - 11 * MINUTE)
    assert impersonate(administrator, alice).codes == ["REAUTHENTICATION_REQUIRED"]


# Ending ----------------------------------------------------------------------------------


def test_nothing_prolongs_it(administrator: GraphQLClient, alice: User) -> None:
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


def test_person_sees_and_ends_it(
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


def test_refresh_token_that_comes_again_ends_it(
    administrator: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.REFRESH_GRACE = dt.timedelta(0)
    token = impersonate(administrator, alice).data["impersonateUser"]["refreshToken"]
    assert refresh(token).problems == []
    assert refresh(token).problems == [("TOKEN_INVALID", "refreshToken")]
    assert not Session.objects.impersonations().exists()
    assert tags()[-2:] == ["session:refresh_token:reuse", "session:user:end_impersonation"]


@pytest.mark.parametrize("changed", ["is_superuser", "is_active"])
def test_it_ends_when_the_administrator_is_none_any_more(
    administrator: GraphQLClient, alice: User, root: User, changed: str
) -> None:
    tokens = impersonate(administrator, alice).data["impersonateUser"]
    User.objects.filter(pk=root.pk).update(**{changed: False})
    assert is_over(GraphQLClient(tokens["accessToken"]))
    assert refresh(tokens["refreshToken"]).problems == [("TOKEN_INVALID", "refreshToken")]


@pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
def test_it_never_leads_upwards(administrator: GraphQLClient, alice: User, flag: str) -> None:
    client = begin(administrator, alice)
    User.objects.filter(pk=alice.pk).update(**{flag: True})
    assert is_over(client)


def test_it_ends_with_the_administrators_sessions_and_the_persons(
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


def test_it_says_nothing_of_where_the_person_is(administrator: GraphQLClient, alice: User) -> None:
    begin(administrator, alice)(ME)
    note_last_seen()
    assert LastSeen.objects.get(user=alice).at is None


@pytest.mark.parametrize(
    "broken",
    [
        {"impersonation_reason": ""},
        {"cookie_digest": b"x" * 32},
        {"expires_at": timezone.now() + dt.timedelta(days=1)},
    ],
)
def test_database_holds_what_an_impersonation_is(
    administrator: GraphQLClient, alice: User, broken: Any
) -> None:
    begin(administrator, alice)
    with (
        pytest.raises(IntegrityError, match="session_impersonation_is_short"),
        transaction.atomic(),
    ):
        Session.objects.impersonations().update(**broken)


@pytest.mark.django_db(transaction=True)
def test_whoever_shuts_the_person_out_at_once_wins() -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    other = make_user("other", is_staff=True, is_superuser=True)
    for number in range(5):
        person = make_user(f"person-{number}")
        clients = strong_client(root), strong_client(other)
        begun, shut = at_once(
            lambda: impersonate(clients[0], person),  # noqa: B023 - called before the next turn
            lambda: clients[1](SUSPEND, id=node_id(person)),  # noqa: B023 - as above
        )
        assert shut.problems == []
        assert begun.problems in ([], [("IMPERSONATION_REFUSED", "userId")])
        assert not Session.objects.filter(user=person).exists()


# Being told ------------------------------------------------------------------------------


def test_person_is_told_at_once(worker: Sink) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    begin(strong_client(root), make_user("alice"))
    mail = worker.next()
    assert (mail["Subject"], mail["To"]) == (
        "An administrator acts in your name",
        "alice@example.org",
    )
    body = mail.get_body(("plain",))
    assert body is not None
    assert REASON not in body.get_content()
