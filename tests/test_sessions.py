"""Sessions: signing in, staying signed in, and out again on the very next request."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pytest
from django.contrib.auth.hashers import make_password

from core.crypto import digest
from core.hashers import Argon2idHasher
from tests.client import Answer, GraphQLClient, at_once
from tests.conftest import Statements
from tests.factories import PASSWORD, make_session, make_user
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session
from users.authentication.tasks import prune_sessions
from users.authentication.tokens import issue_access_token

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

LOG_IN = """
    mutation ($login: String!, $password: String!, $transport: Transport! = TOKEN) {
      logIn(input: {login: $login, password: $password, transport: $transport}) {
        accessToken refreshToken user { username email } errors { code field message }
      }
    }
"""
REFRESH = """
    mutation ($token: String!) {
      refreshTokens(input: {refreshToken: $token}) {
        accessToken refreshToken user { username } errors { code field }
      }
    }
"""
LOG_OUT = "mutation { logOut { errors { code } } }"
ME = "{ me { username } }"
ALICE = {"me": {"username": "alice"}}


def log_in(login: str = "alice", password: str = PASSWORD, **variables: str) -> dict[str, Any]:
    """Sign in, and return the payload."""
    answer = GraphQLClient()(LOG_IN, login=login, password=password, **variables)
    payload: dict[str, Any] = answer.data["logIn"]
    return payload


def refresh(token: str) -> Answer:
    return GraphQLClient()(REFRESH, token=token)


def tags() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("tag", flat=True))


# Signing in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "login",
    [
        "alice",
        "ALICE",
        " Alice ",
        "\uff41\uff2c\uff29\uff23\uff45",
        "alice@example.org",
        "Alice@EXAMPLE.org",
    ],
)
def test_login_is_a_username_or_an_address_in_any_case(alice: User, login: str) -> None:
    payload = log_in(login)
    assert payload["user"] == {"username": "alice", "email": "alice@example.org"}
    assert payload["errors"] == []
    assert GraphQLClient(payload["accessToken"])(ME).data == ALICE


def test_token_session_keeps_digests_only(alice: User) -> None:
    payload = log_in()
    session = Session.objects.get()
    assert (session.user, session.cookie_digest) == (alice, None)
    token = RefreshToken.objects.get()
    assert bytes(token.digest) == digest(payload["refreshToken"])
    assert (token.session, token.used_at, token.expires_at) == (session, None, session.expires_at)
    event = Event.objects.get()
    assert (event.tag, event.subject_id) == (Tag.LOGGED_IN, alice.pk)
    assert event.data == {"session": str(session.pk)}


def test_cookie_session_has_no_tokens_and_keeps_a_digest_only(alice: User) -> None:
    client = GraphQLClient()
    payload = client(LOG_IN, login="alice", password=PASSWORD, transport="COOKIE").data["logIn"]
    assert (payload["accessToken"], payload["refreshToken"]) == (None, None)
    cookie_digest = Session.objects.get().cookie_digest
    assert cookie_digest is not None
    assert bytes(cookie_digest) == digest(client.http.cookies["roster"].value)
    assert not RefreshToken.objects.exists()
    assert client(ME).data == ALICE


def test_session_remembers_the_device(alice: User) -> None:
    client = GraphQLClient()
    client.http.defaults["HTTP_USER_AGENT"] = "x" * 400
    assert client(LOG_IN, login="alice", password=PASSWORD).data["logIn"]["errors"] == []
    assert Session.objects.get().user_agent == "x" * 300


class CountingHasher(Argon2idHasher):
    """Our hasher, which also counts how often it was put to work."""

    runs: ClassVar[int] = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.runs += 1
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        CountingHasher.runs += 1
        return super().verify(password, encoded)


def test_every_refusal_is_the_same_answer_for_the_same_work(
    alice: User, bob: User, statements: Capture, anonymous: GraphQLClient, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.runs = 0
    User.objects.filter(pk=bob.pk).update(is_active=False)
    answers, work = [], []
    for login, password in (
        ("alice", "wrong"),
        ("alice", ""),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("", PASSWORD),
        ("bob", PASSWORD),
        ("alice", "roster-demo-2026"),
    ):
        with statements() as captured:
            answers.append(anonymous(LOG_IN, login=login, password=password))
        assert CountingHasher.runs == len(answers)
        work.append([" ".join(sql.split()[:3]).partition('"s')[0] for sql in captured])

    first = answers[0]
    assert first.problems == [("CREDENTIALS_INVALID", "login")]
    assert first.data["logIn"]["user"] is None
    assert all((answer.body, answer.headers) == (first.body, first.headers) for answer in answers)
    assert all(each == work[0] for each in work)
    assert not Session.objects.exists()

    # The refusals are remembered although the mutation failed.
    assert tags() == [Tag.LOG_IN_REFUSED] * 7
    subjects = list(Event.objects.order_by("pk").values_list("subject_id", flat=True))
    assert subjects == [alice.pk, alice.pk, None, None, None, bob.pk, alice.pk]
    assert all(event.data == {} for event in Event.objects.all())


def test_demo_password_works_in_the_demo_only(alice: User, settings: Any) -> None:
    alice.password = make_password(settings.DEFAULT_DEMO_PASSWORD)
    alice.save(update_fields=["password"])
    refused = log_in(password=settings.DEFAULT_DEMO_PASSWORD)
    assert [error["code"] for error in refused["errors"]] == ["CREDENTIALS_INVALID"]
    assert tags() == [Tag.LOG_IN_REFUSED]
    assert not Session.objects.exists()

    settings.DEMO = True
    assert log_in(password=settings.DEFAULT_DEMO_PASSWORD)["user"]["username"] == "alice"


def test_password_is_hashed_anew_when_its_cost_was_raised(alice: User, settings: Any) -> None:
    settings.ARGON2_PASSES = 2
    assert log_in(password="wrong")["user"] is None
    alice.refresh_from_db()
    assert ",t=1," in alice.password
    assert log_in()["errors"] == []
    alice.refresh_from_db()
    assert ",t=2," in alice.password
    assert log_in()["errors"] == []


# Staying signed in -----------------------------------------------------------------------


def test_refreshing_rotates_the_tokens(alice: User) -> None:
    first = log_in()
    second = refresh(first["refreshToken"]).data["refreshTokens"]
    assert (second["user"], second["errors"]) == ({"username": "alice"}, [])
    assert second["refreshToken"] != first["refreshToken"]
    for payload in (first, second):
        assert GraphQLClient(payload["accessToken"])(ME).data == ALICE
    assert Session.objects.count() == 1
    used, fresh = RefreshToken.objects.order_by("pk")
    assert used.used_at is not None
    assert (fresh.used_at, fresh.session) == (None, used.session)
    assert tags() == [Tag.LOGGED_IN]


def test_refresh_token_used_twice_ends_the_session(alice: User) -> None:
    first = log_in()
    second = refresh(first["refreshToken"]).data["refreshTokens"]
    other = log_in()

    refused = refresh(first["refreshToken"])
    assert refused.problems == [("TOKEN_INVALID", "refreshToken")]
    assert refused.data["refreshTokens"]["user"] is None
    assert tags()[-1] == Tag.REFRESH_TOKEN_REUSED
    assert Event.objects.latest("pk").subject_id == alice.pk

    for payload in (first, second):
        assert GraphQLClient(payload["accessToken"])(ME).status == 401
    assert refresh(second["refreshToken"]).problems == [("TOKEN_INVALID", "refreshToken")]
    assert GraphQLClient(other["accessToken"])(ME).data == ALICE
    assert Session.objects.count() == 1


def test_refresh_token_used_by_two_at_once_ends_the_session(transactional_db: None) -> None:
    make_user("alice")
    token = log_in()["refreshToken"]
    answers = at_once(*[lambda: refresh(token).problems] * 2)
    assert sorted(answers) == [[], [("TOKEN_INVALID", "refreshToken")]]
    assert not Session.objects.exists()
    assert tags()[-1] == Tag.REFRESH_TOKEN_REUSED


@pytest.mark.parametrize("_time", range(3))
def test_logging_out_wins_over_a_refresh_at_the_same_time(
    transactional_db: None, _time: int
) -> None:
    make_user("alice")
    signed_in = log_in()
    client = GraphQLClient(signed_in["accessToken"])
    logged_out, _refreshed = at_once(
        lambda: client("mutation { logOut { errors { code } } }"),
        lambda: refresh(signed_in["refreshToken"]),
    )
    assert logged_out.data == {"logOut": {"errors": []}}
    assert not Session.objects.exists()
    assert not RefreshToken.objects.exists()


def test_each_log_in_of_a_document_sees_what_it_did(alice: User) -> None:
    answer = GraphQLClient()(
        """mutation ($password: String!) {
          one: logIn(input: {login: "alice", password: $password}) { user { activeSessionCount } }
          two: logIn(input: {login: "alice", password: $password}) { user { activeSessionCount } }
        }""",
        password=PASSWORD,
    )
    assert answer.data == {
        "one": {"user": {"activeSessionCount": 1}},
        "two": {"user": {"activeSessionCount": 2}},
    }


def test_refresh_token_that_does_not_count_changes_nothing(alice: User, bob: User) -> None:
    expired, inactive = log_in(), log_in("bob")
    RefreshToken.objects.filter(session__user=alice).update(
        expires_at=make_session(alice, days=-1).expires_at
    )
    User.objects.filter(pk=bob.pk).update(is_active=False)
    before = sorted(Session.objects.values_list("pk", "expires_at"))
    for token in (expired["refreshToken"], inactive["refreshToken"], "", "x", "x" * 10_000):
        assert refresh(token).problems == [("TOKEN_INVALID", "refreshToken")]
    assert sorted(Session.objects.values_list("pk", "expires_at")) == before
    assert RefreshToken.objects.filter(used_at=None).count() == 2
    assert tags() == [Tag.LOGGED_IN] * 2


# Signing out -----------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["TOKEN", "COOKIE"])
def test_logging_out_ends_this_session_at_once(alice: User, transport: str) -> None:
    other = GraphQLClient(log_in()["accessToken"])
    client = GraphQLClient()
    answer = client(LOG_IN, login="alice", password=PASSWORD, transport=transport)
    client.token = answer.data["logIn"]["accessToken"]
    secret = client.http.cookies["roster"].value if transport == "COOKIE" else None
    assert client(ME).data == ALICE

    assert client(LOG_OUT).data == {"logOut": {"errors": []}}
    if secret:
        assert client.http.cookies["roster"].value == ""
        client.http.cookies["roster"] = secret
        assert client(ME).data == {"me": None}
    else:
        assert client(ME).status == 401
    assert other(ME).data == ALICE
    assert Session.objects.count() == 1
    assert tags() == [Tag.LOGGED_IN, Tag.LOGGED_IN, Tag.LOGGED_OUT]


def test_logging_out_without_a_session_does_nothing(anonymous: GraphQLClient) -> None:
    assert anonymous(LOG_OUT).data == {"logOut": {"errors": []}}
    assert not Event.objects.exists()


def test_nothing_of_the_session_can_be_read_after_logging_out(
    client_of: ClientOf, alice: User
) -> None:
    answer = client_of(alice)(
        """mutation {
             logOut { errors { code } }
             updateProfile(input: {name: "Mallory"}) { errors { code } }
           }"""
    )
    assert answer.codes == ["UNAUTHENTICATED"]
    alice.refresh_from_db()
    assert alice.name == "Alice Archer"


# What changes the very next request ------------------------------------------------------


def test_deactivated_person_is_signed_out(client_of: ClientOf, alice: User) -> None:
    by_token, by_cookie = client_of(alice), GraphQLClient()
    by_cookie(LOG_IN, login="alice", password=PASSWORD, transport="COOKIE")
    assert by_token(ME).data == by_cookie(ME).data == ALICE
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert by_token(ME).status == 401
    assert by_cookie(ME).data == {"me": None}


def test_former_staff_see_what_everybody_sees(
    client_of: ClientOf, sam: User, charlie: User
) -> None:
    client = client_of(sam)
    people = "{ users(first: 9) { edges { node { username email } } } }"
    assert len(client(people).data["users"]["edges"]) == 2
    User.objects.filter(pk=sam.pk).update(is_staff=False)
    (edge,) = client(people).data["users"]["edges"]
    assert edge["node"] == {"username": "sam", "email": "sam@example.org"}


def test_session_that_ran_out_is_over_for_tokens_and_cookies(alice: User) -> None:
    token = issue_access_token(make_session(alice, days=-1))
    assert GraphQLClient(token)(ME).status == 401
    client = GraphQLClient()
    client(LOG_IN, login="alice", password=PASSWORD, transport="COOKIE")
    Session.objects.update(expires_at=make_session(alice, days=-1).expires_at)
    assert client(ME).data == {"me": None}


def test_pruning_removes_only_what_ran_out(alice: User) -> None:
    log_in()
    current = Session.objects.get()
    over = make_session(alice, days=-1)
    for session in (current, over):
        RefreshToken.objects.create(
            session=session, digest=bytes(session.pk.bytes), expires_at=over.expires_at
        )
    assert RefreshToken.objects.count() == 3
    prune_sessions()
    assert Session.objects.get() == current
    assert RefreshToken.objects.get().expires_at == current.expires_at
