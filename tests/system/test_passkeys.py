"""Passkeys in a real browser with Chromium's virtual authenticator."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from core.settings import DEFAULT_DEMO_PASSWORD
from tests.support.passkeys import BEGIN, BEGIN_REGISTRATION, LOG_IN, REGISTER, REMOVE
from tests.support.second_factors import FACTORS, VERIFY
from tests.support.second_factors import LOG_IN as PASSWORD_LOG_IN
from tests.system.authenticators import add_authenticator

ASK: Final = """
    ([query, variables]) => fetch("/graphql", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({query, variables})
    }).then(response => response.json())
"""
CREATE: Final = """
    async options => (await navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)
    })).toJSON()
"""
GET: Final = """
    async options => (await navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)
    })).toJSON()
"""


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A page of the service, in a browser with an authenticator and no passkeys."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}/graphql")
    add_authenticator(page)
    yield page
    context.close()


def ask(page: Page, query: str, **variables: Any) -> Any:
    """Send an operation from the page, with its cookie; return the payload."""
    answer = page.evaluate(ASK, [query, variables])
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    return payload


def options(page: Page, **variables: Any) -> Any:
    payload = ask(page, BEGIN, **variables)
    assert payload["errors"] == []
    return payload["options"]


def sign_out(page: Page) -> None:
    ask(page, "mutation { logOut { errors { code } } }")
    assert ask(page, FACTORS) is None


def test_passkey_is_registered_used_and_removed(page: Page) -> None:
    account = {"login": "alan", "password": DEFAULT_DEMO_PASSWORD, "transport": "COOKIE"}
    assert ask(page, PASSWORD_LOG_IN, **account)["errors"] == []

    made = page.evaluate(CREATE, ask(page, BEGIN_REGISTRATION)["options"])
    registered = ask(page, REGISTER, name="Chromium", credential=made)
    assert registered["errors"] == []
    assert len(registered["recoveryCodes"]) == 10
    (passkey,) = ask(page, FACTORS)["passkeys"]["nodes"]
    assert passkey["name"] == "Chromium"

    # Without a password.
    sign_out(page)
    answer = page.evaluate(GET, options(page, use="LOG_IN"))
    assert ask(page, LOG_IN, credential=answer, transport="COOKIE")["errors"] == []
    assert ask(page, FACTORS)["secondFactors"] == ["PASSKEY"]

    # As a second factor.
    sign_out(page)
    waiting = ask(page, PASSWORD_LOG_IN, **account)["secondFactor"]
    token = waiting["mfaToken"]
    answer = page.evaluate(GET, options(page, use="SECOND_FACTOR", token=token))
    assert ask(page, VERIFY, token=token, factor={"passkey": answer})["errors"] == []

    # Removed.
    assert ask(page, REMOVE, id=passkey["id"])["errors"] == []
    sign_out(page)
    answer = page.evaluate(GET, options(page, use="LOG_IN"))
    refused = ask(page, LOG_IN, credential=answer, transport="COOKIE")
    assert [error["code"] for error in refused["errors"]] == ["PASSKEY_INVALID"]
