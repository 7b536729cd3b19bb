"""Change of the username."""

import re
import sys
from collections.abc import Callable

import pytest

from tests.accounts.test_sign_up import sign_up
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_token, make_user
from users.accounts.identifiers import LETTER, MARK
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

CHANGE = """
    mutation ($username: String!, $password: String!) {
      changeUsername(input: {username: $username, password: $password}) {
        user { username } errors { code field }
      }
    }
"""


@pytest.fixture
def change(client_of: ClientOf, alice: User) -> Callable[..., Answer]:
    client = client_of(alice)
    return lambda username, password=PASSWORD: client(CHANGE, username=username, password=password)


def test_username_changes_and_the_former_one_is_free(
    change: Callable[..., Answer], alice: User, anonymous: GraphQLClient
) -> None:
    answer = change(" Alicia ")
    assert answer.data == {"changeUsername": {"user": {"username": "alicia"}, "errors": []}}
    event = Event.objects.get()
    assert (event.tag, event.subject_id, event.data) == (Tag.USERNAME_CHANGED, alice.pk, {})
    assert event.personal_values["old"] == {"username": "alice"}
    assert sign_up(anonymous, "alice") == []


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("", "USERNAME_INVALID"),
        ("al", "USERNAME_INVALID"),
        ("al ice", "USERNAME_INVALID"),
        # Spaces, punctuation and unassigned characters among the marks of scripts.
        ("al\u1680ice", "USERNAME_INVALID"),
        ("alice\u1362", "USERNAME_INVALID"),
        ("alice\u0dff", "USERNAME_INVALID"),
        ("क" * 28 + "!", "USERNAME_INVALID"),
        ("admin", "USERNAME_RESERVED"),
        ("BOB", "USERNAME_TAKEN"),
    ],
)
def test_unavailable_username_is_refused(
    change: Callable[..., Answer],
    alice: User,
    bob: User,
    username: str,
    code: str,
) -> None:
    assert change(username).problems == [(code, "username")]
    alice.refresh_from_db()
    assert alice.username == "alice"
    assert not Event.objects.filter(tag=Tag.USERNAME_CHANGED).exists()


def test_no_character_is_both_a_letter_and_a_mark() -> None:
    """Against catastrophic backtracking: matching holds the interpreter's lock."""
    letters, marks = (
        {each.start() for each in re.finditer(kind, "".join(map(chr, range(sys.maxunicode + 1))))}
        for kind in (LETTER, MARK)
    )
    assert letters
    assert marks
    assert not letters & marks


def test_pending_sign_up_does_not_reserve_its_username(
    change: Callable[..., Answer], alice: User, anonymous: GraphQLClient
) -> None:
    assert sign_up(anonymous, "nina") == []
    assert change("nina").problems == []
    alice.refresh_from_db()
    assert alice.username == "nina"


def test_current_username_changes_nothing(change: Callable[..., Answer]) -> None:
    assert change("ALICE").problems == []
    assert not Event.objects.exists()


def test_wrong_password_changes_nothing(change: Callable[..., Answer], alice: User) -> None:
    assert change("alicia", password="wrong").problems == [("PASSWORD_WRONG", "password")]
    alice.refresh_from_db()
    assert alice.username == "alice"
    assert Event.objects.get().tag == Tag.PASSWORD_REFUSED


def test_username_changes_five_times_a_day(change: Callable[..., Answer]) -> None:
    for number in range(5):
        assert change(f"alice{number}").problems == []
    assert change("alice5").codes == ["TOO_MANY_ATTEMPTS"]
    assert Event.objects.count() == 5


def test_concurrent_changes_take_a_username_once(transactional_db: None) -> None:
    clients = [GraphQLClient(make_token(make_user(f"person{number}"))) for number in range(10)]
    answers = run_concurrently(
        *[
            lambda client=client: client(CHANGE, username="wanted", password=PASSWORD).problems
            for client in clients
        ]
    )
    assert sorted(answers) == [[], *[[("USERNAME_TAKEN", "username")]] * 9]
    assert User.objects.filter(username="wanted").count() == 1
    assert Event.objects.count() == 1
