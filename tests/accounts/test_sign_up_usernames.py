"""Sign-up: which usernames are accepted, taken and derived."""

import re
from functools import partial

import pytest

from tests.accounts.test_sign_up import PASSWORD, SIGN_UP, VERIFY, rows, sign_up, token_of, verify
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_user
from users.accounts.identifiers import canonical
from users.accounts.models import SignUp, User

FULL_WIDTH = "\uff4e\uff49\uff4e\uff41"


@pytest.mark.parametrize(
    "username",
    [
        *("Nina", "nina_2", "n.i-n_a", "ninapérez", "борис", "山田太郎"),
        # With marks that spell vowels, tones and conjuncts.
        *("नेहा", "विष्णु.2", "யாழினி", "ธนพล", "น้ำ_ฝน", "ខ្មែរ"),
    ],
)
def test_usernames_may_be_of_any_one_script(anonymous: GraphQLClient, username: str) -> None:
    assert sign_up(anonymous, username) == []
    assert SignUp.objects.get().username == canonical(username)


@pytest.mark.parametrize(
    "username",
    [
        # Marks without a letter, of another script, and more than any word has.
        *("ेनेह", "ab.ेc", "nina\u0947", "น" + "\u0e49" * 5),
        # An accent that no letter has, and vowel points, which are not typed.
        *("nina\u0336", "ni\u0307\u0323\u0335na", "מֹשה"),
    ],
)
def test_usernames_have_no_stray_marks(anonymous: GraphQLClient, username: str) -> None:
    assert sign_up(anonymous, username) == [("USERNAME_INVALID", "username")]


def test_sign_up_may_have_a_name_and_no_username(anonymous: GraphQLClient) -> None:
    assert _sign_up_without_username(anonymous, "Nina  Pérez\u202e") == []
    assert verify(anonymous, token_of("nina@example.org")) == []
    user = User.objects.get()
    assert (user.name, user.username) == ("Nina Pérez", "nina.pérez")


@pytest.mark.parametrize(
    ("name", "email", "pattern"),
    [
        ("", "mara+news@example.org", r"mara"),
        ("", "bob@other.example", r"bob\d{6}"),
        ("Admin", "mara@example.org", r"admin\d{6}"),
        ("Ада Лавлейс", "mara@example.org", r"ада\.лавлейс"),
        ("नेहा", "mara@example.org", r"नेहा"),
        ("田中 さくら", "mara@example.org", r"田中\.さくら"),
        ("🙂", "x@example.org", r"member"),
        ("A" * 150, "mara@example.org", r"a{24}"),
    ],
)
def test_username_is_derived(
    anonymous: GraphQLClient, bob: User, name: str, email: str, pattern: str
) -> None:
    assert _sign_up_without_username(anonymous, name, email) == []
    answer = anonymous(VERIFY, token=token_of(email), password=PASSWORD)
    username = answer.data["verifyEmail"]["username"]
    assert re.fullmatch(pattern, username)
    assert User.objects.get(email=email).username == username


def test_concurrent_sign_ups_derive_different_usernames(transactional_db: None) -> None:
    client = GraphQLClient()
    emails = [f"mara@{number}.example" for number in range(5)]
    for email in emails:
        assert _sign_up_without_username(client, "", email) == []
    answers = run_concurrently(
        *(
            partial(GraphQLClient(), VERIFY, token=token_of(email), password=PASSWORD)
            for email in emails
        )
    )
    assert [answer.problems for answer in answers] == [[]] * 5
    assert User.objects.filter(username__startswith="mara").count() == 5


def _sign_up_without_username(
    client: GraphQLClient, name: str, email: str = "nina@example.org"
) -> list[tuple[str, str]]:
    return client(SIGN_UP, input={"email": email, "name": name, "password": PASSWORD}).problems


@pytest.mark.parametrize(
    "username", ["nina", "NINA", " Nina ", "NİNA", FULL_WIDTH, FULL_WIDTH.upper()]
)
def test_username_is_taken_in_all_its_forms(anonymous: GraphQLClient, username: str) -> None:
    make_user("nina", email="first@example.org")
    before = rows()
    problems = sign_up(anonymous, username, email="second@example.org")
    assert problems == [("USERNAME_TAKEN", "username")]
    assert rows() == before
