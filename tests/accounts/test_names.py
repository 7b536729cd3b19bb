"""Names of users and things: NFC, on one line, and visible."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from core.names import clean_name
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD
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
def test_each_kind_of_name_is_cleaned(
    client_of: ClientOf, root: User, mutation: str, path: tuple[str, str]
) -> None:
    document = f"mutation ($name: String!) {{ {mutation} }}"
    answer = client_of(root)(document, name=SUSPECT)
    assert answer.codes == []
    (payload,) = answer.data.values()
    assert payload[path[0]][path[1]] == "Key One"
