"""Sign-up: validation, links and races."""

import datetime as dt
import json
import unicodedata
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import check_password
from django.core import signing
from django.utils import timezone

from core.bulkhead import EXPENSIVE
from core.outbox.models import OutboxMessage
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_user
from tests.support.signing_in import attempt
from users.accounts.identifiers import canonical
from users.accounts.models import Profile, SignUp, User
from users.accounts.tasks import prune_links
from users.activity.models import Event
from users.activity.tags import Tag

SIGN_UP = """
    mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code field message } } }
"""
VERIFY = """
    mutation ($token: String!, $password: String, $newPassword: String, $username: String) {
      verifyEmail(input: {
        token: $token, password: $password, newPassword: $newPassword, username: $username
      }) { username errors { code field message } }
    }
"""
PASSWORD = "a phrase hard to guess at all"


def sign_up(client: GraphQLClient, username: str = "nina", **fields: str) -> list[tuple[str, str]]:
    """Sign up with valid defaults for missing ``fields``; return the problems."""
    defaults = {"email": "nina@example.org", "username": username, "password": PASSWORD}
    return client(SIGN_UP, input=defaults | fields).problems


def verify(
    client: GraphQLClient, token: str, password: str | None = PASSWORD, **choices: str
) -> list[tuple[str, str]]:
    """Confirm with the password of `sign_up`, unless another one or None is given."""
    return client(VERIFY, token=token, password=password, **choices).problems


def token_of(email: str) -> str:
    newest: SignUp = SignUp.objects.filter(email=email).latest("pk")
    return newest.token


def rows() -> dict[str, int]:
    """Return the number of rows that a sign-up writes."""
    models = (User, Profile, SignUp, Event, OutboxMessage)
    return {model.__name__: model.objects.count() for model in models}


# Validation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "values", "code"),
    [
        (
            "email",
            ["", "nina", "nina@", "@example.org", "a b@example.org", f"{'n' * 250}@example.org"],
            "EMAIL_INVALID",
        ),
        (
            "username",
            ["", "ni", "n" * 31, "-nina", "nina.", "ni na", "nina@example.org", "n/na", "нina"],
            "USERNAME_INVALID",
        ),
        # Cyrillic letters that read as Latin.
        ("username", ["\u0441\u043e\u0441\u043e", "\u0430\u0430\u0430"], "USERNAME_INVALID"),
        (
            "password",
            ["", "short", "elevenchars", "qwerty123456", "nina@example.org", "p" * 129],
            "PASSWORD_TOO_WEAK",
        ),
        ("password", ["roster-demo-2026"], "PASSWORD_TOO_WEAK"),
        ("locale", ["", "x", "e n", "de-", "x" * 1_000], "LOCALE_UNSUPPORTED"),
    ],
)
def test_bad_value_is_refused_with_the_path_of_its_field(
    anonymous: GraphQLClient, field: str, values: list[str], code: str
) -> None:
    for value in values:
        assert sign_up(anonymous, **{field: value}) == [(code, field)], value
    assert not any(rows().values())


def test_password_like_the_username_is_refused(anonymous: GraphQLClient) -> None:
    problems = sign_up(anonymous, "maximilian.weber", password="Maximilian.Weber1")
    assert problems == [("PASSWORD_TOO_WEAK", "password")]
    assert not any(rows().values())


def test_all_problems_are_reported_at_once_and_translated(anonymous: GraphQLClient) -> None:
    fields = {"email": "x", "username": "x", "password": "x", "locale": "x"}
    body = json.dumps({"query": SIGN_UP, "variables": {"input": fields}})
    answer = anonymous.post(body, **{"Accept-Language": "de"})
    assert answer.problems == [
        ("EMAIL_INVALID", "email"),
        ("USERNAME_INVALID", "username"),
        ("PASSWORD_TOO_WEAK", "password"),
        ("LOCALE_UNSUPPORTED", "locale"),
    ]
    messages = [error["message"] for error in answer.data["signUp"]["errors"]]
    assert messages[1] == "Wählen Sie einen Benutzernamen mit 3 bis 30 Zeichen."
    assert not any(rows().values())


@pytest.mark.parametrize(
    ("locale", "stored"),
    [
        *(("en-US", "en"), ("de-AT", "de"), ("de_CH", "de"), ("de-Latn-DE-1996", "de")),
        *(("DE", "de"), ("de_DE.UTF-8", "de"), ("fr", "en"), ("zh-Hant-TW", "en")),
    ],
)
def test_language_is_the_nearest(anonymous: GraphQLClient, locale: str, stored: str) -> None:
    assert sign_up(anonymous, locale=locale) == []
    assert SignUp.objects.get().locale == stored


@pytest.mark.parametrize("password", ["p" * 12 + "q" * 116, "     spaces !  ", "пароль-пароль"])
def test_passwords_may_be_of_any_characters(anonymous: GraphQLClient, password: str) -> None:
    assert sign_up(anonymous, password=password) == []
    assert verify(anonymous, token_of("nina@example.org"), password) == []
    assert User.objects.get().check_password(password)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_passwords_are_the_same_in_both_forms(anonymous: GraphQLClient, form: Any) -> None:
    """Keyboards of one system send composed accents, those of another decomposed ones."""
    typed = unicodedata.normalize(form, "größer als Ängström")
    assert sign_up(anonymous, password=typed) == []
    other = unicodedata.normalize("NFD" if form == "NFC" else "NFC", typed)
    assert verify(anonymous, token_of("nina@example.org"), other) == []
    stored = User.objects.get().password
    assert check_password(unicodedata.normalize("NFC", typed), stored)
    for login, text in (("nina", typed), ("NİNA", other), ("Nİna@Example.org", typed)):
        assert attempt(login, password=text).problems == []


def test_length_of_a_password_is_that_of_its_letters(anonymous: GraphQLClient) -> None:
    decomposed = unicodedata.normalize("NFD", "äöüäöüä")
    assert len(decomposed) >= 12
    assert sign_up(anonymous, password=decomposed) == [("PASSWORD_TOO_WEAK", "password")]


# Pending sign-ups ------------------------------------------------------------------------


def expire(email: str) -> None:
    now = timezone.now()
    assert SignUp.objects.filter(email=email).update(expires_at=now - dt.timedelta(seconds=1)) == 1


def test_link_expires_and_is_pruned(anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous) == []
    old = token_of("nina@example.org")
    assert verify(anonymous, old[:-1]) == [("TOKEN_INVALID", "token")]
    expire("nina@example.org")
    assert verify(anonymous, old) == [("TOKEN_EXPIRED", "token")]
    prune_links()
    assert verify(anonymous, old) == [("TOKEN_INVALID", "token")]
    assert not User.objects.exists()


def test_typo_in_the_address_costs_no_username(anonymous: GraphQLClient) -> None:
    """The first to confirm gets the username; others choose another one."""
    assert sign_up(anonymous, email="nian@example.org") == []
    assert sign_up(anonymous, email="nina@example.org") == []
    assert verify(anonymous, token_of("nina@example.org")) == []
    assert User.objects.get().username == "nina"

    late = token_of("nian@example.org")
    before = rows()
    assert verify(anonymous, late) == [("USERNAME_TAKEN", "username")]
    assert verify(anonymous, late, username="x") == [("USERNAME_INVALID", "username")]
    assert verify(anonymous, late, username="admin") == [("USERNAME_RESERVED", "username")]
    assert rows() == before
    assert verify(anonymous, late, username=" Nian ") == []
    assert User.objects.get(email="nian@example.org").username == "nian"
    assert User.objects.get(username="nian").check_password(PASSWORD)


def test_pruning_removes_only_expired_sign_ups(anonymous: GraphQLClient) -> None:
    for username in ("nina", "oleg"):
        assert sign_up(anonymous, username, email=f"{username}@example.org") == []
    expire("nina@example.org")
    prune_links()
    assert SignUp.objects.get().username == "oleg"


def test_later_sign_up_for_an_address_leaves_the_earlier(anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous, email="n@example.org") == []
    old = token_of("n@example.org")
    assert sign_up(anonymous, "ninette", email=" N@Example.org ") == []
    new = token_of("n@example.org")
    assert SignUp.objects.filter(email="n@example.org").count() == 2

    answer = anonymous(VERIFY, token=old, password=PASSWORD)
    assert answer.data["verifyEmail"] == {"username": "nina", "errors": []}
    assert (User.objects.get().username, User.objects.get().email) == ("nina", "n@example.org")
    assert verify(anonymous, new) == [("TOKEN_INVALID", "token")]
    assert not SignUp.objects.exists()


def test_attempts_of_a_busy_server_do_not_count(anonymous: GraphQLClient, settings: Any) -> None:
    settings.WEB_THREADS = 2
    fields = {"email": "nina@example.org", "username": "nina", "password": PASSWORD}
    with EXPENSIVE:
        # More often than an address may get mails.
        for _attempt in range(6):
            assert anonymous(SIGN_UP, input=fields).codes == ["SERVICE_BUSY"]
    assert sign_up(anonymous) == []
    token = token_of("nina@example.org")
    with EXPENSIVE:
        # More often than a network may try tokens.
        for _attempt in range(51):
            assert anonymous(VERIFY, token=token, password=PASSWORD).codes == ["SERVICE_BUSY"]
    assert verify(anonymous, token) == []


# The link --------------------------------------------------------------------------------


def test_verifying_creates_the_user_once(anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous, locale="de") == []
    token = token_of("nina@example.org")
    link = str(SignUp.objects.get().nonce)
    assert verify(anonymous, token) == []
    user = User.objects.get()
    assert (user.username, user.email, user.profile.locale) == ("nina", "nina@example.org", "de")
    flags = [user.is_active, user.is_staff, user.is_superuser, user.is_public]
    assert flags == [True, False, False, False]
    assert user.check_password(PASSWORD)
    recorded = Event.objects.filter(subject_id=user.pk).order_by("pk").values_list("tag", "data")
    assert list(recorded) == [(Tag.EMAIL_VERIFIED, {}), (Tag.USER_CREATED, {"link": link})]

    after = rows()
    assert after["SignUp"] == 0
    assert verify(anonymous, token) == [("TOKEN_INVALID", "token")]
    assert rows() == after


def test_unknown_token_is_invalid(anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous) == []
    pending = SignUp.objects.get()
    token = pending.token
    nonce, signature = token.split(":")
    before = rows()
    for forged in (
        "",
        ":",
        nonce,
        f"{nonce}:",
        f"{nonce}:{signature[:-1]}",
        f"{uuid4().hex}:{signature}",
        token + "x",
        signing.Signer(salt="accounts.other").sign(nonce),
        signing.Signer(key="k" * 50, salt="accounts.signup").sign(nonce),
        signing.Signer(salt="accounts.signup").sign("no-uuid"),
        signing.Signer(salt="accounts.signup").sign(uuid4().hex),
        "\N{SNOWMAN}" * 1_000,
    ):
        assert verify(anonymous, forged) == [("TOKEN_INVALID", "token")], forged
    assert rows() == before
    assert verify(anonymous, token) == []


@pytest.mark.parametrize(
    ("taken", "problem"),
    [
        ({"username": "nina", "email": "x@example.org"}, ("USERNAME_TAKEN", "username")),
        ({"username": "xaver", "email": "nina@example.org"}, ("EMAIL_TAKEN", "token")),
    ],
)
def test_verifying_a_taken_identifier_changes_nothing(
    anonymous: GraphQLClient, taken: dict[str, Any], problem: tuple[str, str]
) -> None:
    assert sign_up(anonymous) == []
    make_user(**taken)
    before = rows()
    assert verify(anonymous, token_of("nina@example.org")) == [problem]
    assert rows() == before
    assert User.objects.get().username == taken["username"]


# Races -----------------------------------------------------------------------------------


@pytest.mark.parametrize("_time", range(3))
def test_concurrent_links_for_an_address_create_one_user(
    transactional_db: None, _time: int
) -> None:
    """Each locks both sign-ups in the same order, so that they do not deadlock."""
    for username in ("nina", "ninette"):
        assert sign_up(GraphQLClient(), username) == []
    first, second = (each.token for each in SignUp.objects.order_by("pk"))
    answers = run_concurrently(
        *(lambda each=each: verify(GraphQLClient(), each) for each in (first, second) * 2)
    )
    assert sorted(answers) == [[], *[[("TOKEN_INVALID", "token")]] * 3]
    assert User.objects.count() == 1
    assert not SignUp.objects.exists()


def test_identifiers_beyond_any_length_are_cut_before_they_are_folded() -> None:
    marks = "\u0301\u0323" * 20_000

    assert len(canonical("a" + marks)) < 1_000


@pytest.mark.parametrize("_time", range(3))
def test_concurrent_sign_ups_take_a_username_once(transactional_db: None, _time: int) -> None:
    for number in range(6):
        assert sign_up(GraphQLClient(), email=f"n{number}@example.org") == []
    tokens = [each.token for each in SignUp.objects.all()]
    answers = run_concurrently(
        *(lambda each=each: verify(GraphQLClient(), each) for each in tokens)
    )
    assert sorted(answers) == [[], *[[("USERNAME_TAKEN", "username")]] * 5]
    assert User.objects.count() == 1
    assert SignUp.objects.count() == 5


def test_concurrent_sign_ups_for_an_address_are_all_pending(transactional_db: None) -> None:
    answers = run_concurrently(
        *(lambda number=number: sign_up(GraphQLClient(), f"nina{number}") for number in range(5))
    )
    assert sorted(answers) == [[]] * 5
    nonces = SignUp.objects.values("nonce")
    assert Event.objects.filter(subject_id__in=nonces).count() == 5


def test_concurrent_verifications_create_one_user(transactional_db: None) -> None:
    assert sign_up(GraphQLClient()) == []
    token = token_of("nina@example.org")
    answers = run_concurrently(*[lambda: verify(GraphQLClient(), token)] * 6)
    assert sorted(answers) == [[], *[[("TOKEN_INVALID", "token")]] * 5]
    assert rows() | {"OutboxMessage": 0} == {
        "User": 1,
        "Profile": 1,
        "SignUp": 0,
        "Event": 3,
        "OutboxMessage": 0,
    }
