"""Pages and their Content Security Policies in a real browser.

The fixture `page` fails a test if the browser logs an error, which includes violations.
"""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

# The directory for screenshots; none are taken if it is unset.
SCREENSHOTS = os.environ.get("SCREENSHOTS")
PASSWORD = "roster-demo-2026"


def take_screenshot(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def sign_in(page: Page, site: str, username: str = "ada") -> None:
    page.goto(f"{site}/admin/login/")
    take_screenshot(page, "log-in")
    page.get_by_label("Username").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{site}/admin/")


def wait_for_scripts(page: Page) -> None:
    """Wait until the theme's scripts have run, which reveal elements hidden by an attribute."""
    page.wait_for_load_state("load")
    expect(page.locator("[x-cloak]")).to_have_count(0)


def test_violation_is_logged_as_an_error(browser: Browser, site: str) -> None:
    page = browser.new_page()
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text))
    page.goto(f"{site}/verify-email")
    page.evaluate(
        """() => {
             const script = document.createElement("script");
             script.textContent = "window.ran = true";
             document.body.append(script);
             document.body.setAttribute("style", "color: red");
           }"""
    )
    assert page.evaluate("window.ran") is None
    assert len([text for text in seen if "Content Security Policy" in text]) == 2
    page.close()


def test_the_chart_is_drawn(page: Page, site: str) -> None:
    """Its pixels differ in colour."""
    sign_in(page, site)
    wait_for_scripts(page)
    assert page.evaluate(
        """() => new Set(document.querySelector("canvas").getContext("2d")
             .getImageData(0, 0, 300, 150).data).size"""
    ) > 2  # fmt: skip
    take_screenshot(page, "overview")


def test_menus_filters_and_themes_work(page: Page, site: str) -> None:
    sign_in(page, site)
    page.goto(f"{site}/admin/accounts/user/")
    wait_for_scripts(page)
    page.locator("a, button", has_text="Filters").first.click()
    expect(page.get_by_role("button", name="Apply Filters")).to_be_visible()
    take_screenshot(page, "filters")
    page.goto(f"{site}/admin/accounts/user/?q=grace")
    wait_for_scripts(page)
    expect(page.get_by_text("grace@roster.example").first).to_be_visible()
    # The icon font, which we serve, is loaded.
    font = page.evaluate("""() => document.fonts.check("16px 'Material Symbols Outlined'")""")
    assert font is True


def test_forms_pick_dates_and_users(page: Page, site: str) -> None:
    sign_in(page, site)
    page.goto(f"{site}/admin/authentication/suspension/add/")
    wait_for_scripts(page)
    page.locator(".select2-selection").first.click()
    page.locator(".select2-search__field").fill("alan")
    option = page.locator(".select2-results__option", has_text=re.compile("alan"))
    expect(option.first).to_be_visible()
    take_screenshot(page, "select")
    option.first.click()
    page.get_by_label("Reason").fill("Sent spam.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    take_screenshot(page, "added")


def test_dialogs_open_and_do_their_work(page: Page, site: str) -> None:
    sign_in(page, site)
    # That of the test above: other files sign in as this user.
    page.goto(f"{site}/admin/authentication/suspension/?q=alan")
    wait_for_scripts(page)
    page.locator("#result_list tbody a").first.click()
    wait_for_scripts(page)
    page.locator("a, button", has_text="Lift").first.click()
    expect(page.get_by_text("Lift the suspension?")).to_be_visible()
    take_screenshot(page, "dialog")
    take_screenshot(page, "dialog-open")
    page.locator("#dialog button[type=submit], #dialog [type=submit]").first.click()
    expect(page.get_by_text("can sign in again")).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        *("verify-email", "confirm-email", "confirm-email-address", "accept-invitation"),
        *("reset-password", "join-organization", "cancel-deletion", "data-export"),
        "undo-email-change",
    ],
)
def test_pages_of_mailed_links_read_the_fragment(page: Page, site: str, path: str) -> None:
    page.goto(f"{site}/{path}#token=abc")
    expect(page).to_have_url(f"{site}/{path}")
    assert page.locator("[name=token]").input_value() == "abc"
    take_screenshot(page, path)


def test_reload_keeps_the_link_and_no_link_shows_no_form(page: Page, site: str) -> None:
    page.goto(f"{site}/reset-password#token=abc")
    page.reload()
    expect(page).to_have_url(f"{site}/reset-password")
    expect(page.locator("[name=token]")).to_have_value("abc")
    expect(page.get_by_label("New password")).to_be_visible()

    page.goto(f"{site}/done")
    page.goto(f"{site}/reset-password")
    expect(page.get_by_text("Open this page with the link in our mail.")).to_be_visible()
    expect(page.get_by_label("New password")).to_be_hidden()
    expect(page.get_by_role("link", name="Request a new link")).to_be_visible()


def test_second_link_replaces_the_first(page: Page, site: str) -> None:
    """Links differ only in the fragment, whose change does not reload a page."""
    page.goto(f"{site}/verify-email#token=abc")
    expect(page.locator("[name=token]")).to_have_value("abc")
    page.goto(f"{site}/verify-email#token=def")
    expect(page.locator("[name=token]")).to_have_value("def")
    expect(page).to_have_url(f"{site}/verify-email")


def test_link_is_read_on_the_page_without_a_link(page: Page, site: str) -> None:
    page.goto(f"{site}/cancel-deletion")
    page.goto(f"{site}/cancel-deletion#token=abc")
    expect(page.locator("[name=token]")).to_have_value("abc")


def test_pages_of_errors_are_styled(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/verify-email#token=abc")
    page.context.clear_cookies()
    page.get_by_role("button", name="Confirm my address").click()
    expect(page.get_by_text("This form has expired")).to_be_visible()
    padding = "getComputedStyle(document.querySelector('.card')).paddingTop"
    assert page.evaluate(padding) == "32px"
    take_screenshot(page, "csrf")
    page.close()


def test_the_inbox_shows_mails_with_their_styles(page: Page, site: str, client_script: str) -> None:
    page.add_init_script(client_script)
    page.goto(f"{site}/dev/mail/")
    take_screenshot(page, "inbox")
    page.goto(f"{site}/graphql")
    page.evaluate(
        """() => client.signUp({
             email: "uma@example.org", username: "uma", password: "a phrase to remember"
           })"""
    )
    mail = page.locator("tr", has_text="uma@example.org").get_by_role("link")
    for _attempt in range(100):
        page.goto(f"{site}/dev/mail/")
        if mail.count():
            break
        page.wait_for_timeout(200)
    mail.first.click()
    button = page.frame_locator("iframe").get_by_role("link", name="Confirm my address")
    expect(button).to_be_visible()
    take_screenshot(page, "mail")
    assert button.evaluate("node => getComputedStyle(node).backgroundColor") != "rgba(0, 0, 0, 0)"
