"""Passkeys in a real browser with Chromium's virtual authenticator: TypeScript client and admin."""

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from core.settings import DEFAULT_DEMO_PASSWORD
from tests.support.passkeys import REMOVE
from tests.support.second_factors import FACTORS
from tests.system.authenticators import add_authenticator
from tests.system.client_pages import ask

LOG_IN: Final = """async password => {
  const {user, secondFactor} = await client.logIn("alan", password);
  return user ?? secondFactor.methods;
}"""
LOG_IN_IN_TWO_STEPS: Final = """async password => {
  const {secondFactor} = await client.logIn("alan", password);
  return secondFactor.verifyPasskey();
}"""


@pytest.fixture
def page(browser: Browser, site: str, client_script: str) -> Iterator[Page]:
    """A page of the service, in a browser with an authenticator and no passkeys."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(client_script)
    page.goto(f"{site}/graphql")
    add_authenticator(page)
    yield page
    context.close()


def log_out(page: Page) -> None:
    page.evaluate("() => client.logOut()")
    assert ask(page, FACTORS) is None


def test_passkey_is_registered_used_and_removed(page: Page) -> None:
    assert page.evaluate(LOG_IN, DEFAULT_DEMO_PASSWORD)["username"] == "alan"

    registered = page.evaluate("() => client.registerPasskey('Chromium')")
    assert len(registered["recoveryCodes"]) == 10
    (passkey,) = ask(page, FACTORS)["passkeys"]["nodes"]
    assert passkey["name"] == "Chromium"

    # Without a password.
    log_out(page)
    assert page.evaluate("() => client.logInWithPasskey()")["username"] == "alan"
    assert ask(page, FACTORS)["secondFactors"] == ["PASSKEY"]

    # As a second factor.
    log_out(page)
    assert "PASSKEY" in page.evaluate(LOG_IN, DEFAULT_DEMO_PASSWORD)
    assert page.evaluate(LOG_IN_IN_TWO_STEPS, DEFAULT_DEMO_PASSWORD)["username"] == "alan"
    assert ask(page, FACTORS)["secondFactors"] == ["PASSKEY"]

    # Removed.
    assert ask(page, REMOVE, id=passkey["id"])["errors"] == []
    log_out(page)
    refused = "() => client.logInWithPasskey().catch(error => error.code)"
    assert page.evaluate(refused) == "PASSKEY_INVALID"


def test_passkey_opens_the_admin_alone_and_as_a_second_factor(page: Page, site: str) -> None:
    signed_in = page.evaluate("password => client.logIn('grace', password)", DEFAULT_DEMO_PASSWORD)
    assert signed_in["user"]["username"] == "grace"
    page.evaluate("() => client.registerPasskey('Chromium')")
    log_out(page)

    page.goto(f"{site}/admin/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{site}/admin/")
    page.goto(f"{site}/graphql")
    log_out(page)

    page.goto(f"{site}/admin/login/")
    page.get_by_label("E-mail address or username").fill("grace")
    page.locator("[name=password]").fill(DEFAULT_DEMO_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_label("Code")).to_be_focused()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{site}/admin/")

    # Others sign in as her without one.
    page.goto(f"{site}/graphql")
    (passkey,) = ask(page, FACTORS)["passkeys"]["nodes"]
    assert ask(page, REMOVE, id=passkey["id"])["errors"] == []
