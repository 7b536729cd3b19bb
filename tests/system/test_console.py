"""The console in a real browser: sign-in, queries, and no requests to other hosts."""

from playwright.sync_api import Locator, Page, expect


def sign_in(page: Page, site: str, username: str, name: str) -> None:
    """Open the console and sign in to a demo account by a click."""
    page.goto(f"{site}/graphql")
    page.get_by_role("button", name=username).click()
    expect(page.get_by_text(name).first).to_be_visible()


def execute(page: Page) -> Locator:
    """Run the operation of the current tab; return the locator of its response."""
    page.get_by_role("button", name="Execute query").click()
    return page.locator(".result-window")


def test_one_click_sign_in_runs_a_query(page: Page, site: str) -> None:
    sign_in(page, site, "ada", "Ada Lovelace")

    result = execute(page)

    expect(result).to_contain_text("ada@roster.example")
    expect(result).to_contain_text("accounts.change_user")


def test_offers_to_sign_out(page: Page, site: str) -> None:
    sign_in(page, site, "ada", "Ada Lovelace")

    button = page.get_by_role("button", name="Sign out")
    expect(button).to_be_visible()
    page.reload()
    expect(button).to_be_visible()
    button.click()

    expect(page.get_by_text("Signed out")).to_be_visible()
    expect(button).to_have_count(0)


def test_offers_the_documented_operations(page: Page, site: str) -> None:
    sign_in(page, site, "grace", "Grace Hopper")

    page.get_by_role("button", name="Examples").click()
    page.get_by_text("Directory", exact=True).first.click()
    # The console has parsed the operation once the tab has its name.
    expect(page.get_by_role("tab", name="Directory")).to_be_visible()
    result = execute(page)

    expect(result).to_contain_text("Aaliyah ")
    expect(result).to_contain_text("activeSessionCount")


def test_the_mailed_link_completes_a_sign_up(page: Page, site: str) -> None:
    page.goto(f"{site}/graphql")
    page.evaluate(
        """fetch("/graphql", {
             method: "POST",
             headers: {"Content-Type": "application/json"},
             body: JSON.stringify({query: `mutation { signUp(input: {
               email: "eve@example.org", username: "eve", password: "a phrase to remember"
             }) { errors { code } } }`})
           }).then(response => response.json())"""
    )
    mail = page.get_by_role("link", name="Confirm your e-mail address")
    for _attempt in range(50):
        page.goto(f"{site}/dev/mail/")
        if mail.count():
            break
        page.wait_for_timeout(200)
    mail.click()
    page.frame_locator("iframe").get_by_role("link", name="Confirm my address").click()

    expect(page).to_have_url(f"{site}/verify-email")
    page.get_by_label("Password").fill("a phrase to remember")
    page.get_by_role("button", name="Confirm my address").click()
    expect(page.get_by_text("Your account eve is ready")).to_be_visible()
