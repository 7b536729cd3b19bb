"""What users do on the console's page."""

from typing import Final

from playwright.sync_api import Locator, Page, expect

_FOCUSED: Final = """() => {
  const element = document.activeElement;
  const {outlineStyle, outlineWidth} = getComputedStyle(element);
  const isVisible = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  const frame = element.matches(".graphiql-editor") ? element.closest("section").ariaLabel : "";
  return [frame || element.ariaLabel || element.innerText.split("\\n")[0].trim(), isVisible];
}"""


def sign_in(page: Page, site: str, username: str, name: str) -> None:
    """Open the console and sign in to a demo account by a click."""
    page.goto(f"{site}/graphql")
    page.get_by_role("button", name=username).click()
    expect(page.get_by_text(name).first).to_be_visible()


def open_example(page: Page, name: str) -> None:
    page.get_by_role("button", name="Examples").click()
    page.get_by_label("Search examples").fill(name)
    page.get_by_role("option").filter(has=page.get_by_text(name, exact=True)).click()
    # The console has parsed the operation once the tab has its name.
    expect(page.get_by_role("tab", name=name, exact=True)).to_be_visible()


def open_link(page: Page, site: str, **operation: str) -> None:
    """Open an operation in a new tab by a link."""
    fragment = page.evaluate("parts => String(new URLSearchParams(parts))", operation)
    page.goto(f"{site}/graphql#{fragment}")
    expect(page).to_have_url(f"{site}/graphql")


def execute(page: Page) -> Locator:
    """Run the operation of the current tab; return the locator of its response."""
    page.get_by_role("button", name="Execute query").click()
    return page.locator(".result-window")


def copy(page: Page, how: str) -> str:
    """Copy the current tab's operation; return the clipboard's text."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name=how).click()
    expect(page.get_by_text(f"{how}: done")).to_be_visible()
    page.keyboard.press("Escape")
    return str(page.evaluate("navigator.clipboard.readText()"))


def focused(page: Page) -> tuple[str, bool]:
    """Return the name of the focused element, and whether its outline is visible."""
    name, is_visible = page.evaluate(_FOCUSED)
    return name, is_visible
