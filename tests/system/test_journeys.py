"""Journeys of a user and an administrator in a browser, in English and German."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from django.utils.translation import gettext, override
from playwright.sync_api import Browser, Page, expect

from tests.support.second_factors import BEGIN_TOTP, CONFIRM_TOTP, code_of
from tests.system.authenticators import add_authenticator
from tests.system.client_pages import ask
from tests.system.test_content_security import PASSWORD

LANGUAGES: Final = ("en", "de")
OLD, NEW = "a phrase to remember", "another phrase to remember"
EXPORT: Final = "mutation { requestDataExport { errors { code } } }"
DELETE: Final = """mutation ($password: String!) {
  deleteMe(input: {password: $password}) { dueAt errors { code } }
}"""
SIGN_UP: Final = "input => client.signUp(input)"
LOG_IN: Final = """async ([login, password, factor]) => {
  const {user, secondFactor} = await client.logIn(login, password);
  return user ?? await secondFactor.verify(factor);
}"""
REFUSED: Final = """([login, password]) => client.logIn(login, password).catch(
  error => error.constructor.name + error.code)"""

Say = Callable[..., str]


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def say(language: str) -> Say:
    """Return a function that translates a text of the service."""

    def translate(text: str, **values: str) -> str:
        with override(language):
            translated = gettext(text)
        return translated % values if values else translated

    return translate


@pytest.fixture
def page(browser: Browser, client_script: str, language: str) -> Iterator[Page]:
    """A page with the TypeScript client, in a browser with the language and an authenticator."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale={"en": "en-GB", "de": "de-DE"}[language]
    )
    page = context.new_page()
    page.add_init_script(client_script)
    add_authenticator(page)
    yield page
    context.close()


def open_mailed_link(page: Page, site: str, email: str, subject: str, label: str) -> None:
    """Wait for the mail in the demo's inbox, and follow its link."""
    mails = page.get_by_role("row").filter(has_text=email)
    mail = mails.get_by_role("link", name=subject, exact=True).first
    for _attempt in range(150):
        page.goto(f"{site}/dev/mail/")
        if mail.count():
            break
        page.wait_for_timeout(200)
    mail.click()
    page.frame_locator("iframe").get_by_role("link", name=label, exact=True).click()


def submit(page: Page, button: str, **fields: str) -> None:
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("status")).to_be_visible()


def test_user_from_sign_up_to_undone_deletion(
    page: Page, site: str, say: Say, language: str, tmp_path: Path
) -> None:
    name = f"mia-{language}"
    email = f"{name}@example.org"

    def log_in(password: str, **factor: str) -> Any:
        return page.evaluate(LOG_IN, [name, password, factor])["username"]

    def sign_out() -> None:
        page.evaluate("() => client.logOut()")

    # Sign up, and verify the address.
    page.goto(f"{site}/graphql")
    sign_up = {"email": email, "username": name, "password": OLD, "locale": language}
    page.evaluate(SIGN_UP, sign_up)
    subject = say("Confirm your e-mail address")
    open_mailed_link(page, site, email, subject, say("Confirm my address"))
    submit(page, say("Confirm my address"), **{say("Password"): OLD})
    expect(page.get_by_role("status")).to_contain_text(name)

    # Sign in, and set up an authenticator app and a passkey.
    page.goto(f"{site}/graphql")
    assert log_in(OLD) == name
    secret = ask(page, BEGIN_TOTP)["secret"]
    codes = ask(page, CONFIRM_TOTP, code=code_of(secret))["recoveryCodes"]
    assert len(codes) == 10
    assert page.evaluate("() => client.registerPasskey('Chromium')")["passkey"]["name"]

    # Sign in by each of them.
    sign_out()
    assert page.evaluate("() => client.logInWithPasskey()")["username"] == name
    sign_out()
    assert log_in(OLD, totp=code_of(secret, later=1)) == name
    sign_out()
    assert log_in(OLD, recoveryCode=codes[0]) == name
    sign_out()

    # Reset the password.
    page.goto(f"{site}/forgot-password")
    submit(page, say("Send the link"), **{say("E-mail address"): email})
    subject = say("Choose a new password")
    open_mailed_link(page, site, email, subject, say("Choose a new password"))
    submit(page, say("Save my password"), **{say("New password"): NEW})
    expect(page.get_by_role("status")).to_contain_text(name)

    # Download the own data.
    page.goto(f"{site}/graphql")
    assert page.evaluate(REFUSED, [name, OLD]) == "InputErrorCREDENTIALS_INVALID"
    assert log_in(NEW, recoveryCode=codes[1]) == name
    assert ask(page, EXPORT)["errors"] == []
    open_mailed_link(page, site, email, say("Your data is ready"), say("Download my data"))
    with page.expect_download() as download:
        page.get_by_role("button").first.click()
    path = tmp_path / "export.json"
    download.value.save_as(path)
    assert email in path.read_text(encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8"))

    # Delete the account, and keep it after all.
    page.goto(f"{site}/graphql")
    assert ask(page, DELETE, password=NEW)["errors"] == []
    assert page.evaluate(REFUSED, [name, NEW]) == "InputErrorCREDENTIALS_INVALID"
    subject = say("Your account will be deleted")
    open_mailed_link(page, site, email, subject, say("Keep my account"))
    submit(page, say("Keep my account"))
    page.goto(f"{site}/graphql")
    assert log_in(NEW, recoveryCode=codes[2]) == name


@dataclass(frozen=True, slots=True)
class Admin:
    """The admin in a language, as an administrator uses it."""

    page: Page
    site: str
    say: Say

    @property
    def people(self) -> str:
        return f"{self.site}/admin/accounts/user/"

    def open(self, url: str) -> None:
        """Open a page, and wait for the theme's scripts, but not for an idle network."""
        self.page.goto(url)
        self.wait_for_scripts()

    def wait_for_scripts(self) -> None:
        expect(self.page.locator("[x-cloak]")).to_have_count(0)

    def sign_in(self) -> None:
        self.page.goto(f"{self.site}/admin/login/")
        self.page.get_by_label(self.say("E-mail address or username")).fill("ada")
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.get_by_role("button", name=self.say("Log in"), exact=True).click()
        expect(self.page).to_have_url(f"{self.site}/admin/")

    def find(self, name: str) -> str:
        """Search a person; return the URL of their page."""
        self.open(f"{self.people}?is_active__exact=1")
        self.page.locator("[name=q]").fill(name)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(re.compile(r"[?&]q="))
        row = self.page.locator("#result_list tbody a").first
        return self.site + str(row.get_attribute("href"))

    def add_to_group(self, person: str, group: str) -> None:
        self.open(person)
        self.page.locator(".select2-selection").first.click()
        self.page.locator(".select2-search__field").first.fill(group)
        self.page.locator(".select2-results__option", has_text=group).first.click()
        self.page.locator("[name=_save]").click()
        self.page.wait_for_url(re.compile(re.escape(self.people) + r"(\?.*)?$"))
        self.open(person)
        expect(self.page.locator(".select2-selection__choice", has_text=group)).to_be_visible()

    def choose(self, label: str) -> None:
        """Choose an item of the menu “Administer”."""
        name = self.say("Administer")
        self.page.get_by_role("button", name=name).click()
        menu = self.page.get_by_role("navigation", name=name)
        menu.get_by_role("link", name=self.say(label), exact=True).click()

    def confirm(self, label: str) -> None:
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=self.say(label), exact=True).click()

    def end_sessions(self, person: str) -> None:
        self.open(person)
        self.choose("End all sessions")
        self.confirm("End all sessions")
        done = self.say("The person is signed out everywhere.")
        expect(self.page.get_by_text(done)).to_be_visible()

    def impersonate(self, person: str) -> None:
        self.open(person)
        self.choose("Impersonate")
        self.page.get_by_role("dialog").locator("[name=reason]").fill("They asked for help.")
        self.confirm("Start")
        expect(self.page.locator("#access-token")).to_be_visible()

    def suspend(self, person: str, reason: str) -> None:
        """Suspend a person; expect the reason in the overview and in the audit trail."""
        self.open(person)
        self.choose("Suspend")
        self.page.locator("[name=reason]").fill(reason)
        self.page.locator("[name=_save]").click()
        self.page.wait_for_url(re.compile("/suspension/$"))
        self.open(person)
        overview = self.page.locator("section.overview")
        expect(overview).to_contain_text(reason)
        overview.get_by_role("link", name=self.say("Last events")).click()
        events = self.page.locator("#result_list tbody tr")
        event = events.filter(has_text=self.say("Suspended")).first
        expect(event).to_contain_text(reason)

    def invite(self, email: str, language: str) -> None:
        """Invite a person, and send the invitation again."""
        sent = self.page.get_by_text(self.say("The invitation is being sent."))
        self.open(self.people)
        self.page.get_by_role("link", name=self.say("Invite"), exact=True).click()
        self.page.get_by_role("dialog").locator("[name=email]").fill(email)
        self.page.get_by_role("dialog").locator("[name=locale]").select_option(language)
        self.confirm("Invite")
        expect(sent).to_be_visible()
        self.page.goto(f"{self.site}/admin/accounts/invitation/")
        self.page.locator("#result_list").get_by_role("link", name=email).click()
        self.page.wait_for_url(re.compile("/change/"))
        self.wait_for_scripts()
        self.page.get_by_role("link", name=self.say("Send again"), exact=True).click()
        self.confirm("Send again")
        expect(sent).to_be_visible()

    def sign_out_in_bulk(self, name: str) -> None:
        """Start a bulk action, and watch its progress, which moves by itself."""
        self.open(f"{self.people}act-in-bulk/?q={name}")
        lead = self.page.locator("p", has_text=re.compile(r": \d+\.")).inner_text()
        self.page.locator("[name=kind]").select_option("end_sessions")
        self.page.locator("[name=expected_count]").fill("".join(re.findall(r"\d", lead)))
        self.page.get_by_role("button", name=self.say("Start"), exact=True).click()
        progress = self.page.get_by_role("progressbar")
        expect(progress).to_have_attribute("value", "100", timeout=30_000)


def test_administrator_from_search_to_bulk_action(
    page: Page, site: str, say: Say, language: str
) -> None:
    admin = Admin(page, site, say)
    name = {"en": "Aaliyah", "de": "Zoé"}[language]
    guest = f"guest-{language}@example.org"
    admin.sign_in()
    person = admin.find(name)
    admin.add_to_group(person, "Support")
    admin.end_sessions(person)
    admin.impersonate(person)
    admin.suspend(person, "Sent spam.")
    admin.invite(guest, language)
    label = say("Create my account")
    open_mailed_link(page, site, guest, say("You are invited"), label)
    expect(page.get_by_role("button", name=label)).to_be_visible()
    admin.sign_out_in_bulk(name)
