"""Names of users and things: NFC, on one line, and visible."""

import unicodedata
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from core.names import clean_name
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD
from users.accounts.identifiers import is_username
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

NAMES = [
    ("  Ada\t Lovelace\u00a0\n", "Ada Lovelace"),
    ("Zoe\u0308", "Zoë"),
    ("\u202eadA\u202c \u2066x\u2069\u200f", "adA x"),
    ("Ada\u200b\ufeff\u00ad", "Ada"),
    # Joiners and selectors within a word and an emoji; not around them.
    ("\u0645\u06cc\u200c\u0646\u0627", "\u0645\u06cc\u200c\u0646\u0627"),
    ("\U0001f469\u200d\U0001f4bb \u2764\ufe0f", "\U0001f469\u200d\U0001f4bb \u2764\ufe0f"),
    ("\u200dAda\u200c", "Ada"),
    ("葛\U000e0100", "葛\U000e0100"),
    # Nothing to see.
    *((blank, "") for blank in ("", " ", "\u3164", "\u2800\u200b", "\u200d\u200d", "\u0301")),
]
CREATE_TOKEN = f"""
    createApiToken(input: {{name: $name, scopes: [USERS_READ], password: "{PASSWORD}"}}) {{
      apiToken {{ name }}
    }}
"""
SUSPECT = "\u202eKey\u200b  One\u3164"


@pytest.mark.parametrize(("text", "expected"), NAMES, ids=ascii)
def test_names_are_visible_and_on_one_line(text: str, expected: str) -> None:
    assert clean_name(text) == expected
    assert clean_name(expected) == expected


@pytest.mark.parametrize("text", ["bell\a", "\x1b[31mred", "\x9b", "half \ud83d"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        clean_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "Nguyễn Thị Phượng",
        "שְׁלֹמֹה בְּרֵאשִׁ֖ית",
        # A letter with dagesh, dot, vowel, meteg and accent.
        "\u05e9\u05c1\u05bc\u05b8\u05bd\u0596",
        "مُحَمَّدٌ ٱلرَّحْمَٰنِ",
        "श्रीकृष्णः क्ष्म्यैं",
        "ที่นี้ น้ำ",
        "བསྒྲུབས རྒྱུད",
        # A Sanskrit seed syllable in Tibetan.
        "\u0f67\u0f90\u0fb5\u0fa8\u0fb3\u0fba\u0fbc\u0fbb\u0f82",
        "မြွှေို့",
        "ẹ̀gbẹ́ Ọ̀ṣun",
        "1\ufe0f\u20e3",
    ],
)
def test_marks_of_real_scripts_are_kept(text: str) -> None:
    assert clean_name(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "text",
    [
        "Z" + "\u0351" * 6,
        "A\u0300\u0316\u0301\u0317\u0302\u0323\u0304\u0324\u0306 lgo",
        "ส" + "\u0e47" * 6,
        "\u0f40" + "\u0f90" * 10,
        "\u05d0" + "\u05b8" * 6,
        # Joiners, spacing marks and what is removed do not begin another stack.
        "a\u0351\u0351\u0351\u200d\u0351\u0351\u0351b",
        "a\u0351\u0351\u0351\u034f\u0351\u0351\u0351",
        "क" + "\u0951" * 3 + "\u093e" + "\u0951" * 3,
        "a" + "\u20dd" * 6,
    ],
    ids=ascii,
)
def test_stacks_of_marks_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="at most 5 accents or other marks"):
        clean_name(text)
    assert not is_username(text)


STACK = "Key" + "\u0351" * 6
EACH_KIND = pytest.mark.parametrize(
    ("mutation", "path"),
    [
        (
            "updateProfile(input: {name: $name, nickname: $name}) { user { name } }",
            ("user", "name"),
        ),
        ("createGroup(input: {name: $name}) { group { name } }", ("group", "name")),
        (
            "createOrganization(input: {name: $name}) { organization { name } }",
            ("organization", "name"),
        ),
        (
            CREATE_TOKEN,
            ("apiToken", "name"),
        ),
        (
            'createServiceAccount(input: {username: "robot", name: $name}) { user { name } }',
            ("user", "name"),
        ),
    ],
)


@EACH_KIND
def test_each_kind_of_name_is_cleaned(
    client_of: ClientOf, root: User, mutation: str, path: tuple[str, str]
) -> None:
    document = f"mutation ($name: String!) {{ {mutation} }}"
    answer = client_of(root)(document, name=SUSPECT)
    assert answer.codes == []
    (payload,) = answer.data.values()
    assert payload[path[0]][path[1]] == "Key One"


@EACH_KIND
def test_each_kind_of_name_refuses_a_stack(
    client_of: ClientOf, root: User, mutation: str, path: tuple[str, str]
) -> None:
    selected = f"{path[0]} {{ {path[1]} }}"
    document = f"mutation ($name: String!) {{ {mutation} }}".replace(
        selected, f"{selected} errors {{ code field }}"
    )
    problems = client_of(root)(document, name=STACK).problems
    assert ("VALUE_INVALID", "name") in problems
