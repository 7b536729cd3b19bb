"""The admin's dashboard in a real browser: ranges, charts, numbers and accessibility."""

from typing import Any, Final

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.system.accessibility import violations
from tests.system.test_content_security import sign_in, take_screenshot, wait_for_scripts

DESK: Final[ViewportSize] = {"width": 1440, "height": 900}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
# The number of colours of each chart; an empty one has one.
COLORS: Final = """() => [...document.querySelectorAll("canvas.chart")].map(canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size; })"""

# Whether the retention is shown as a whole, also with longer words.
IS_UNCUT: Final = """() => {
  const table = document.querySelector("table.retention");
  table.querySelector("th + th").textContent = "Neue Personen";
  return table.parentElement.scrollWidth <= table.parentElement.clientWidth; }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_dashboard_is_legible_everywhere(
    page: Page, site: str, axe: str, viewport: ViewportSize, scheme: Any
) -> None:
    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=scheme)
    sign_in(page, site)
    wait_for_scripts(page)

    assert min(page.evaluate(COLORS)) > 2
    for summary in page.locator("details.chart-details > summary").all()[:2]:
        summary.click()
    take_screenshot(page, f"dashboard-{scheme}-{viewport['width']}")
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if viewport == DESK:
        assert page.evaluate(IS_UNCUT)


def test_ranges_are_chosen_by_keyboard(page: Page, site: str) -> None:
    sign_in(page, site)
    page.get_by_role("link", name="365 days").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}/admin/?days=365")
    expect(page.get_by_role("link", name="365 days")).to_have_attribute("aria-current", "true")

    page.get_by_label("From", exact=True).fill("2026-01-01")
    page.get_by_label("To", exact=True).fill("2026-01-02")
    page.get_by_role("button", name="Show").press("Enter")
    numbers = page.locator("details.chart-details").first
    numbers.locator("summary").press("Enter")
    expect(numbers.locator("tbody tr")).to_have_count(2)


def test_charts_link_to_what_they_count(page: Page, site: str) -> None:
    sign_in(page, site)
    page.get_by_role("link", name="List of “Sign-ins”", exact=True).click()
    wait_for_scripts(page)
    expect(page.locator("#result_list tbody tr").first).to_contain_text("Signed in")
