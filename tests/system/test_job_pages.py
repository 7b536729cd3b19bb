"""Jobs in a browser: started from the list, watched without a reload, downloaded."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.system.test_admin_on_phones import CLIPPED
from tests.system.test_content_security import sign_in, take_screenshot, wait_for_scripts


def export_staff(page: Page, site: str) -> None:
    """Start an export, and wait until its page shows that it is completed."""
    sign_in(page, site)
    page.goto(f"{site}/admin/accounts/user/export/?is_staff__exact=1")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Started. Progress is shown below.")).to_be_visible()
    # The bar polls, and the page is loaded again at the end.
    expect(page.get_by_text("completed", exact=True).first).to_be_visible(timeout=30_000)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "100")
    expect(page.locator(".job-progress")).to_have_text(re.compile(r"\d+ / \d+"))
    wait_for_scripts(page)


def test_an_export_is_watched_and_downloaded(page: Page, site: str, tmp_path: Path) -> None:
    export_staff(page, site)
    take_screenshot(page, "export")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download$")).click()
    path = tmp_path / "users.csv"
    download.value.save_as(path)
    assert download.value.suggested_filename.startswith("users-")
    assert path.read_text(encoding="utf-8").startswith("id,username,email,")


def test_progress_fits_phones_in_the_dark(page: Page, site: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    export_staff(page, site)
    assert page.evaluate(CLIPPED) == []
    take_screenshot(page, "export-phone")
    page.goto(f"{site}/admin/exports/userexport/")
    wait_for_scripts(page)
    expect(page.get_by_role("progressbar").first).to_be_visible()
    assert page.evaluate(CLIPPED) == []
