"""WCAG 2.2 AA of admin and hosted pages; keyboard walks of these and the console."""

from typing import Any, Final, cast

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system import console_pages
from tests.system.accessibility import violations
from tests.system.test_content_security import PASSWORD, sign_in, take_screenshot, wait_for_scripts

LISTS: Final = (
    *("accounts/user", "accounts/profile", "accounts/metadata", "auth/group"),
    *("organizations/organization", "organizations/membership"),
    *("organizations/organizationinvitation", "authentication/session"),
    *("authentication/suspension", "authentication/apitoken", "authentication/serviceaccount"),
    *("privacy/accountdeletion", "bulk/bulkaction", "activity/event", "activity/intervalcounts"),
    "outbox/outboxmessage",
)
FORMS: Final = (
    *("accounts/user/add", "accounts/user/export", "accounts/user/act-in-bulk"),
    *("authentication/suspension/add", "auth/group/add"),
)
# One template shows all pages of mailed links; these have the most in it.
HOSTED: Final = (
    *("verify-email#token=x", "verify-email", "join-organization#token=x", "forgot-password"),
    "done",
)
SCREENS: Final = ((1440, "light"), (390, "dark"))
# The theme follows the system's colours when a page is loaded.
SET_SCHEME: Final = "scheme => document.documentElement.classList.toggle('dark', scheme === 'dark')"
# Elements whose colours change slowly have none of either theme for a while.
NO_TRANSITIONS: Final = """() => document.querySelectorAll("*").forEach(
  element => element.style.transition = "none")"""
READ_ALOUD: Final = """() => [...document.querySelectorAll(".material-symbols-outlined")]
  .filter(icon => icon.checkVisibility() && icon.ariaHidden !== "true" && !icon.ariaLabel)
  .map(icon => icon.outerHTML)"""
FOCUSED: Final = """() => {
  const element = document.activeElement;
  const text = element.cloneNode(true);
  text.querySelectorAll("[aria-hidden=true]").forEach(icon => icon.remove());
  const label = element.labels?.[0]?.textContent;
  const {outlineStyle, outlineWidth} = getComputedStyle(element);
  return [(element.ariaLabel || label || text.textContent).replace(/[\\s*]+/g, " ").trim(),
    outlineStyle !== "none" && parseFloat(outlineWidth) > 0]; }"""


def check_page(page: Page, axe: str) -> None:
    """Assert that the page is accessible in both themes and widths."""
    assert page.evaluate(READ_ALOUD) == [], page.url
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=cast("Any", scheme))
        page.evaluate(SET_SCHEME, scheme)
        assert violations(page, axe) == [], (page.url, width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.set_viewport_size({"width": 1440, "height": 900})


def test_hosted_pages_are_accessible(page: Page, site: str, axe: str) -> None:
    for path in HOSTED:
        page.goto("about:blank")
        page.goto(f"{site}/{path}")
        check_page(page, axe)


def test_missing_pages_are_accessible(browser: Browser, site: str, axe: str) -> None:
    # The fixture's page fails a test for such answers.
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{site}/no/such/page")
    check_page(page, axe)
    sign_in(page, site)
    page.goto(f"{site}/admin/no/such/page/")
    check_admin_page(page, axe)
    context.close()


def test_admin_is_accessible(page: Page, site: str, axe: str) -> None:
    page.goto(f"{site}/admin/login/")
    check_admin_page(page, axe)
    sign_in(page, site)
    for name in (*LISTS, *FORMS):
        page.goto(f"{site}/admin/{name}/")
        check_admin_page(page, axe)
        take_screenshot(page, name.replace("/", "-"))
        row = page.locator("#result_list tbody th a, #result_list tbody td a").first
        if row.count():
            page.goto(site + str(row.get_attribute("href")))
            check_admin_page(page, axe)
            take_screenshot(page, f"{name.replace('/', '-')}-row")


def check_admin_page(page: Page, axe: str) -> None:
    wait_for_scripts(page)
    page.evaluate(NO_TRANSITIONS)
    check_page(page, axe)


def open_person(page: Page, site: str) -> None:
    """Sign in, and open the page of the first person of a search."""
    sign_in(page, site)
    page.goto(f"{site}/admin/accounts/user/?q=aaliyah")
    page.goto(site + str(page.locator("#result_list tbody a").first.get_attribute("href")))
    wait_for_scripts(page)


def tab_to(page: Page, name: str, *, key: str = "Tab") -> None:
    """Press a key until the element with this name has a visible focus."""
    for _press in range(120):
        page.keyboard.press(key)
        found, is_visible = page.evaluate(FOCUSED)
        if found == name:
            assert is_visible, name
            return
    pytest.fail(f"{name} is not reached by {key}")


def focused(page: Page) -> str:
    return str(page.evaluate(FOCUSED)[0])


def test_admin_is_used_by_keyboard_alone(page: Page, site: str) -> None:
    page.goto(f"{site}/admin/login/")
    wait_for_scripts(page)
    # The first field has the focus.
    page.keyboard.type("ada")
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}/admin/")
    wait_for_scripts(page)

    # The menu can be skipped.
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    tab_to(page, "People")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}/admin/accounts/user/")
    wait_for_scripts(page)

    # The panel of filters takes the focus, keeps it and returns it.
    tab_to(page, "Filters")
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Filters")
    expect(panel.locator(":focus")).to_have_count(1)
    for _press in range(40):
        page.keyboard.press("Tab")
        expect(panel.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert focused(page) == "Filters"

    # A search, and its first row.
    tab_to(page, "Search", key="Shift+Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("aaliyah")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}/admin/accounts/user/?q=aaliyah")
    wait_for_scripts(page)
    row = page.locator("#result_list tbody a").first
    tab_to(page, " ".join(row.inner_text().split()))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Administer")).to_be_visible()


def test_a_dialog_can_be_submitted_as_soon_as_it_shows(page: Page, site: str) -> None:
    open_person(page, site)
    page.evaluate(
        """addEventListener("htmx:afterOnLoad", () =>
          document.querySelector("#dialog button[type=submit]")?.click(), {once: true})"""
    )
    page.get_by_role("button", name="Administer").click()
    page.get_by_role("link", name="End all sessions").click()
    expect(page.get_by_text("The person is signed out everywhere.")).to_be_visible()


def test_menus_and_dialogs_are_used_by_keyboard_alone(page: Page, site: str) -> None:
    """Their role, name and focus, which returns to the menu's button."""
    open_person(page, site)
    tab_to(page, "Administer")
    button = page.get_by_role("button", name="Administer")
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("link", name="Reset the password")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("link", name="Reset the password")).to_be_focused()
    tab_to(page, "End all sessions")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="End all sessions?")
    expect(dialog).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    tab_to(page, "Cancel")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()

    # And again, to its end.
    page.keyboard.press("Enter")
    tab_to(page, "End all sessions")
    page.keyboard.press("Enter")
    expect(dialog).to_be_focused()
    tab_to(page, "End all sessions")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The person is signed out everywhere.")).to_be_visible()
    wait_for_scripts(page)

    # Log out, from the menu of one's own account.
    for _press in range(60):
        page.keyboard.press("Tab")
        if "ada@roster.example" in focused(page):
            break
    page.keyboard.press("Enter")
    tab_to(page, "Log out")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}/admin/login/")


def test_console_is_used_by_keyboard_alone(page: Page, site: str) -> None:
    # Too narrow for the documentation, which has hundreds of links.
    page.set_viewport_size({"width": 1100, "height": 800})
    page.goto(f"{site}/graphql")
    expect(page.get_by_label("Operation Editor")).to_be_visible()

    # Sign in to a demo account.
    tab_to(page, "ada Administrator")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    # Open an example in the editor, leave the editor, and run it.
    tab_to(page, "Examples", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("directory")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Directory", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    assert console_pages.focused(page) == ("Operation Editor", True)
    page.keyboard.press("Tab")
    assert console_pages.focused(page) == ("Execute query (Ctrl-Enter)", True)
    page.keyboard.press("Enter")
    expect(page.locator(".result-window")).to_contain_text("Aaliyah ")

    # Share it; the menu returns the focus.
    tab_to(page, "Share", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy link")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Share")).to_be_focused()

    # Sign out, and open the dialog to sign in, which keeps the focus.
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    tab_to(page, "Sign in")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sign in")
    expect(dialog.get_by_label("Username or e-mail")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_focused()


def test_everything_in_the_console_is_reached_by_keyboard(page: Page, site: str) -> None:
    console_pages.sign_in(page, site, "ada", "Ada Lovelace")
    page.get_by_role("button", name="Hide Documentation Explorer").click()
    expect(console_pages.execute(page)).to_contain_text("ada@roster.example")
    page.get_by_role("button", name="Skip to the editor").focus()
    page.keyboard.press("Shift+Tab")
    path = []
    for _step in range(60):
        page.keyboard.press("Tab")
        name, is_visible = console_pages.focused(page)
        if page.evaluate("document.activeElement === document.body"):
            break
        path.append(name)
        assert is_visible, name

    assert path[:3] == ["Skip to the editor", "Examples", "Share"]
    expected = [
        "Admin",
        "Sign out",
        "Me",
        "New tab",
        "Operation Editor",
        "Execute query (Ctrl-Enter)",
    ]
    expected += ["Headers", "Variables", "Result Window"]
    assert [name for name in expected if name not in path] == []
    assert path[-1].startswith("Plan")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert console_pages.focused(page) == ("Operation Editor", True)
    page.keyboard.press("Enter")
    page.keyboard.type("# typed")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Operation Editor")).to_contain_text("# typed")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert console_pages.focused(page) == ("Execute query (Ctrl-Enter)", True)


def test_tabs_of_the_console_are_changed_and_closed_by_keyboard(page: Page, site: str) -> None:
    console_pages.sign_in(page, site, "ada", "Ada Lovelace")
    console_pages.open_example(page, "Directory")
    tabs = page.get_by_role("tab")

    tabs.last.press("ArrowLeft")
    expect(tabs.first).to_be_focused()
    expect(tabs.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    expect(tabs.last).to_be_focused()
    page.keyboard.press("Delete")

    expect(tabs).to_have_count(1)
    expect(tabs).to_be_focused()
