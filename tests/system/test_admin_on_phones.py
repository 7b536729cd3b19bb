"""The admin on a narrow screen in German, which has longer words."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.test_content_security import PASSWORD, take_screenshot, wait_for_scripts

# The texts of visible elements that are clipped or extend beyond the screen.
CLIPPED = """() => [...document.querySelectorAll("body *")]
  .filter(element => {
    const { width, left, right } = element.getBoundingClientRect();
    const { overflowX, visibility } = getComputedStyle(element);
    const hasText = [...element.childNodes].some(
      node => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!hasText || !width || visibility === "hidden") return false;
    const isCut = overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1;
    return isCut || (left < innerWidth && right > innerWidth + 1);
  })
  .map(element => element.textContent.trim())"""


# What the cards of a list's rows show before each value.
LABELS = """() => [...document.querySelectorAll("#result_list [data-label]")]
  .map(cell => getComputedStyle(cell, "::before"))
  .map(({ content, textTransform }) => [content, textTransform])"""
# The boxes of the fields that are ticked, and of their texts.
CHOICES = """() => [...document.querySelectorAll("main input[type=checkbox]")]
  .map(box => [box, box.parentElement.querySelector("span")])
  .map(([box, text]) => [box.getBoundingClientRect(), text.getBoundingClientRect()])
  .map(([box, text]) => box.right < text.left && box.top < text.top + 30)"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="de-DE")
    yield context.new_page()
    context.close()


def sign_in_as_ada(phone: Page, site: str) -> None:
    phone.goto(f"{site}/admin/login/")
    phone.get_by_label("Benutzername").fill("ada")
    phone.locator("[name=password]").fill(PASSWORD)
    phone.get_by_role("button", name="Anmelden").click()
    expect(phone).to_have_url(f"{site}/admin/")


def test_no_german_label_is_cut_off(phone: Page, site: str) -> None:
    sign_in_as_ada(phone, site)

    # Suspended users cannot be impersonated.
    phone.goto(f"{site}/admin/accounts/user/?q=aaliyah&is_active__exact=1")
    wait_for_scripts(phone)
    assert phone.evaluate(CLIPPED) == []
    phone.locator("#result_list tbody a").first.click()
    wait_for_scripts(phone)
    assert phone.evaluate(CLIPPED) == []

    phone.get_by_text("more_horiz").click()
    phone.get_by_text("Verwalten").click()
    impersonate = phone.get_by_text("Als diese Person handeln", exact=True)
    expect(impersonate).to_be_visible()
    assert phone.evaluate(CLIPPED) == []
    take_screenshot(phone, "phone-menu")

    impersonate.click()
    expect(phone.get_by_text("Als diese Person handeln?")).to_be_visible()
    expect(impersonate).to_be_hidden()
    assert phone.evaluate(CLIPPED) == []
    take_screenshot(phone, "phone-dialog")


def test_labels_have_the_capitals_of_german(phone: Page, site: str) -> None:
    sign_in_as_ada(phone, site)
    phone.goto(f"{site}/admin/authentication/session/")
    wait_for_scripts(phone)
    labels = phone.evaluate(LABELS)
    assert ['"Läuft ab"', "none"] in labels
    assert {transform for _content, transform in labels} == {"none"}

    phone.goto(f"{site}/admin/authentication/suspension/add/")
    wait_for_scripts(phone)
    expect(phone.get_by_role("heading", name="Sperrung hinzufügen")).to_be_visible()
    expect(phone.locator("[name=_addanother]")).to_have_text("Speichern und neu hinzufügen")


def test_boxes_stand_before_their_texts(phone: Page, site: str) -> None:
    phone.goto(f"{site}/reset-password#token=x")
    assert phone.evaluate(CHOICES) == [True]
