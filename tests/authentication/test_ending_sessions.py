"""Ending sessions: one, the others or all; administrators also those of other users."""

from typing import Any

import pytest
from django.core.cache import cache

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_session, make_user, node_id
from tests.support.signing_in import ALICE, ME, ClientOf, log_in, log_in_by_cookie, refresh, tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session

ENDED = "{ count errors { code field } }"
REVOKE = f"mutation ($id: ID!) {{ revokeSession(input: {{sessionId: $id}}) {ENDED} }}"
OTHERS = f"mutation {{ revokeOtherSessions {ENDED} }}"
EVERYWHERE = f"mutation {{ logOutEverywhere {ENDED} }}"
END = f"mutation ($id: ID!) {{ endSessions(input: {{userId: $id}}) {ENDED} }}"
NOT_FOUND = [("NOT_FOUND", "sessionId")]


def ended(answer: Answer) -> int:
    (payload,) = answer.data.values()
    assert payload["errors"] == []
    count: int = payload["count"]
    return count


def newest() -> Session:
    return Session.objects.latest("pk")


def last_event() -> tuple[str, Any, Any, Any]:
    event = Event.objects.latest("pk")
    return event.tag, event.actor_id, event.subject_id, event.data


# One session -----------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["TOKEN", "COOKIE"])
def test_revoked_session_fails_on_its_next_request(
    client_of: ClientOf, alice: User, transport: str
) -> None:
    client = client_of(alice)
    lost: GraphQLClient
    if transport == "TOKEN":
        payload = log_in()
        lost = GraphQLClient(payload["accessToken"])
    else:
        lost = log_in_by_cookie()
    assert lost(ME).data == ALICE
    assert ended(client(REVOKE, id=node_id(newest()))) == 1

    # Redis plays no part in it.
    cache.clear()
    if transport == "TOKEN":
        assert lost(ME).status == 401
        assert refresh(payload["refreshToken"]).problems == [("TOKEN_INVALID", "refreshToken")]
    else:
        assert lost(ME).data == {"me": None}
    assert client(ME).data == ALICE
    assert not RefreshToken.objects.exists()
    assert last_event() == (Tag.SESSIONS_REVOKED, alice.pk, alice.pk, {"count": 1})


@pytest.mark.parametrize("transport", ["TOKEN", "COOKIE"])
def test_revoking_the_current_session_is_logging_out(alice: User, transport: str) -> None:
    client = GraphQLClient(log_in()["accessToken"]) if transport == "TOKEN" else log_in_by_cookie()
    current = node_id(newest())
    secret = client.http.cookies["roster"].value if transport == "COOKIE" else None
    answer = client(
        """mutation ($id: ID!) {
             revokeSession(input: {sessionId: $id}) { count }
             updateProfile(input: {name: "Mallory"}) { errors { code } }
           }""",
        id=current,
    )
    # Later fields of the document run as an anonymous client.
    assert answer.codes == ["UNAUTHENTICATED"]
    alice.refresh_from_db()
    assert alice.name == "Alice Archer"
    if secret:
        assert client.http.cookies["roster"].value == ""
        client.http.cookies["roster"] = secret
        assert client(ME).data == {"me": None}
    else:
        assert client(ME).status == 401
    assert tags() == [Tag.LOGGED_IN, Tag.LOGGED_OUT]


def test_unknown_sessions_are_not_found(
    client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    of_bob, over = make_session(bob), make_session(alice, days=-1)
    gone = make_session(alice)
    gone_id = node_id(gone)
    gone.delete()
    for person in (alice, sam):
        client = client_of(person)
        before = Session.objects.count()
        for id_ in (node_id(of_bob), node_id(over), gone_id, node_id(bob), "", "x", "\0"):
            answer = client(REVOKE, id=id_)
            assert answer.problems == NOT_FOUND
            assert answer.data["revokeSession"]["count"] == 0
        assert Session.objects.count() == before
    assert tags() == []


def test_administrators_revoke_sessions_of_users(
    client_of: ClientOf, root: User, bob: User
) -> None:
    session = make_session(bob)
    assert ended(client_of(root)(REVOKE, id=node_id(session))) == 1
    assert not Session.objects.filter(user=bob).exists()
    assert last_event() == (Tag.SESSIONS_REVOKED, root.pk, bob.pk, {"count": 1})
    assert client_of(root)(REVOKE, id=node_id(Session(pk=session.pk))).problems == NOT_FOUND


# Other and all sessions ------------------------------------------------------------------


def test_revoking_other_sessions_keeps_the_current_one(alice: User, bob: User) -> None:
    others = [GraphQLClient(log_in()["accessToken"]), log_in_by_cookie()]
    client = GraphQLClient(log_in()["accessToken"])
    of_bob = GraphQLClient(log_in("bob")["accessToken"])
    make_session(alice, days=-1)
    assert ended(client(OTHERS)) == 2
    assert client(ME).data == ALICE
    assert (others[0](ME).status, others[1](ME).data) == (401, {"me": None})
    assert of_bob(ME).data == {"me": {"username": "bob"}}
    assert last_event() == (Tag.SESSIONS_REVOKED, alice.pk, alice.pk, {"count": 2})

    events = Event.objects.count()
    assert ended(client(OTHERS)) == 0
    assert Event.objects.count() == events


def test_logging_out_everywhere_ends_the_current_session(alice: User, bob: User) -> None:
    other = GraphQLClient(log_in()["accessToken"])
    client = log_in_by_cookie()
    of_bob = GraphQLClient(log_in("bob")["accessToken"])
    assert ended(client(EVERYWHERE)) == 2
    assert client.http.cookies["roster"].value == ""
    assert client.http.cookies["roster-device"].value
    assert other(ME).status == 401
    assert of_bob(ME).data == {"me": {"username": "bob"}}
    assert not Session.objects.filter(user=alice).exists()
    assert last_event() == (Tag.SESSIONS_REVOKED, alice.pk, alice.pk, {"count": 2})


def test_signing_in_and_out_in_one_document_leaves_no_cookie(alice: User) -> None:
    client = GraphQLClient()
    answer = client(
        """mutation {
             logIn(input: {
               login: "alice", password: "correct horse battery staple", transport: COOKIE
             }) { errors { code } }
             logOutEverywhere { count }
           }"""
    )
    assert answer.data == {"logIn": {"errors": []}, "logOutEverywhere": {"count": 1}}
    assert client.http.cookies["roster"].value == ""
    assert not Session.objects.exists()


# Sessions of other users -----------------------------------------------------------------


def test_administrators_end_all_sessions_of_a_user(
    client_of: ClientOf, root: User, alice: User
) -> None:
    clients = [client_of(alice), client_of(alice)]
    client = client_of(root)
    assert ended(client(END, id=node_id(alice))) == 2
    assert [each(ME).status for each in clients] == [401, 401]
    assert last_event() == (Tag.SESSIONS_REVOKED, root.pk, alice.pk, {"count": 2})
    assert ended(client(END, id=node_id(alice))) == 0
    assert tags() == [Tag.SESSIONS_REVOKED]


def test_administrator_can_end_their_own_sessions(root: User) -> None:
    client = log_in_by_cookie("root")
    assert ended(client(END, id=node_id(root))) == 1
    assert client.http.cookies["roster"].value == ""
    assert not Session.objects.exists()


def test_ending_sessions_of_unknown_users_is_not_found(client_of: ClientOf, root: User) -> None:
    gone = make_user("gone")
    gone_id = node_id(gone)
    gone.delete()
    for id_ in (gone_id, "x", node_id(make_session(root))):
        assert client_of(root)(END, id=id_).problems == [("NOT_FOUND", "userId")]
    assert tags() == []


def test_others_cannot_end_sessions(
    client_of: ClientOf, sam: User, alice: User, anonymous: GraphQLClient
) -> None:
    session = make_session(alice)
    for person in (sam, alice):
        for id_ in (node_id(alice), "x"):
            assert client_of(person)(END, id=id_).codes == ["FORBIDDEN"]
    calls: list[tuple[str, dict[str, str]]] = [
        (REVOKE, {"id": node_id(session)}),
        (REVOKE, {"id": "x"}),
        (OTHERS, {}),
        (EVERYWHERE, {}),
        (END, {"id": node_id(alice)}),
    ]
    for mutation, variables in calls:
        assert anonymous(mutation, **variables).codes == ["UNAUTHENTICATED"]
    assert Session.objects.filter(pk=session.pk).exists()
    assert tags() == []
