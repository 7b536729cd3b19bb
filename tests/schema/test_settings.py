"""The public settings, and the codes of top-level errors in the schema."""

from typing import Any

import pytest

from schema.errors import RequestErrorCode
from tests.support.client import GraphQLClient
from tests.support.documents import SCHEMA
from tests.support.factories import make_api_token
from users.accounts.models import User
from users.scopes import Scope


@pytest.mark.parametrize(
    ("value", "mode", "domains"),
    [
        (["open"], "OPEN", []),
        (["invitation"], "INVITATION", []),
        (["closed"], "CLOSED", []),
        (["example.org", "xn--bcher-kva.example"], "DOMAINS", None),
    ],
)
def test_the_mode_of_sign_ups_is_public(
    anonymous: GraphQLClient, settings: Any, value: list[str], mode: str, domains: list[str] | None
) -> None:
    settings.SIGN_UP = value
    expected = {"signUp": mode, "signUpDomains": value if domains is None else domains}
    assert anonymous("{ settings { signUp signUpDomains } }").data == {"settings": expected}


def test_settings_are_those_of_the_deployment(anonymous: GraphQLClient, settings: Any) -> None:
    settings.KEEPS_FILES = False
    settings.SECOND_FACTOR = "staff"
    settings.BREACHED_PASSWORDS_URL = "https://breaches.example/range/"
    settings.AUTH_PASSWORD_VALIDATORS = [
        {**each, "OPTIONS": {"min_length": 20}} if "MinimumLength" in each["NAME"] else each
        for each in settings.AUTH_PASSWORD_VALIDATORS
    ]
    query = (
        "{ settings { avatarUpload { maxBytes } secondFactor password { minLength areLookedUp } } }"
    )
    assert anonymous(query).data["settings"] == {
        "avatarUpload": None,
        "secondFactor": "STAFF",
        "password": {"minLength": 20, "areLookedUp": True},
    }


def test_tokens_of_any_scope_read_the_settings(alice: User) -> None:
    token = GraphQLClient(make_api_token(alice, Scope.EVENTS_READ))
    assert token("{ settings { serviceName } }").data == {"settings": {"serviceName": "Roster"}}


def test_codes_of_top_level_errors_are_an_enum() -> None:
    codes = {str(code.value) for code in RequestErrorCode}
    assert set(SCHEMA.type_map["RequestErrorCode"].values) == codes
    assert "GRAPHQL_PARSE_FAILED" in codes
