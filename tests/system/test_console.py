"""The console in a real browser: sign-in, examples, sharing, cost and plan, phones.

No request goes to another host; see the fixture `page`.
"""

import json
import shlex
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.support.passkeys import REMOVE
from tests.system.accessibility import violations
from tests.system.authenticators import add_authenticator
from tests.system.client_pages import ask
from tests.system.console_pages import copy, execute, open_example, open_link, sign_in

DESK: Final[ViewportSize] = {"width": 1440, "height": 900}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
LOG_IN: Final = """mutation ($password: String!) {
  logIn(input: {login: "alan", password: $password, transport: TOKEN}) { accessToken }
}"""
# Half a second after an edit. GraphiQL reopens what it has stored of the editors only, in a tab
# beside those that it has stored.
IS_STORED: Final = """title => {
  const stored = name => localStorage.getItem(`roster/graphiql:${name}`);
  const { tabs, activeTabIndex } = JSON.parse(stored("tabState"));
  const { title: name, query, variables } = tabs[activeTabIndex];
  return name === title && query === stored("query") && variables === stored("variables");
}"""


@pytest.fixture
def page(page: Page, client_script: str) -> Page:
    """A page with the TypeScript client, by which tests prepare data."""
    page.add_init_script(client_script)
    return page


# Session -------------------------------------------------------------------------------


def test_one_click_sign_in_runs_a_query(page: Page, site: str) -> None:
    sign_in(page, site, "ada", "Ada Lovelace")
    # The editor renders the lines that are visible.
    page.get_by_role("button", name="Hide Documentation Explorer").click()

    result = execute(page)

    expect(result).to_contain_text("ada@roster.example")
    expect(result).to_contain_text("accounts.add_user")


def test_offers_to_sign_out(page: Page, site: str) -> None:
    sign_in(page, site, "ada", "Ada Lovelace")

    button = page.get_by_role("button", name="Sign out")
    expect(button).to_be_visible()
    page.reload()
    expect(button).to_be_visible()
    button.click()

    expect(page.get_by_text("Signed out")).to_be_visible()
    expect(button).to_have_count(0)


def test_second_factors_sign_in(page: Page, site: str) -> None:
    add_authenticator(page)
    sign_in(page, site, "alan", "Alan Turing")
    registered = page.evaluate("() => client.registerPasskey('Chromium')")
    signed_in = page.get_by_role("button", name="Sign out")

    signed_in.click()
    page.get_by_role("button", name="alan").click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_label("Code of your").fill("123456")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    page.get_by_label("Code of your").fill(registered["recoveryCodes"][0])
    page.get_by_role("button", name="Verify").click()
    expect(signed_in).to_be_visible()

    signed_in.click()
    page.get_by_role("button", name="alan").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(signed_in).to_be_visible()

    signed_in.click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(signed_in).to_be_visible()
    assert ask(page, REMOVE, id=registered["passkey"]["id"])["errors"] == []


def test_staff_go_to_the_admin_and_back(page: Page, site: str) -> None:
    sign_in(page, site, "grace", "Grace Hopper")

    page.get_by_role("link", name="Admin").click()
    expect(page).to_have_url(f"{site}/admin/")
    page.get_by_role("link", name="API console").click()
    expect(page).to_have_url(f"{site}/graphql")
    expect(page.get_by_text("Grace Hopper").first).to_be_visible()

    page.get_by_role("button", name="alan").click()
    expect(page.get_by_text("Alan Turing").first).to_be_visible()
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)


# Examples and documentation ------------------------------------------------------------


def test_description_of_the_schema_is_first(page: Page, site: str) -> None:
    page.goto(f"{site}/graphql")

    documentation = page.locator(".graphiql-plugin")
    expect(documentation.locator("p").first).to_contain_text("User management: accounts,")


def test_offers_the_documented_operations(page: Page, site: str) -> None:
    sign_in(page, site, "grace", "Grace Hopper")

    open_example(page, "Directory")
    result = execute(page)

    expect(result).to_contain_text("Aaliyah ")
    expect(result).to_contain_text("activeSessionCount")


def test_examples_are_grouped_and_found_by_keyboard(page: Page, site: str) -> None:
    sign_in(page, site, "grace", "Grace Hopper")
    page.get_by_role("button", name="Examples").press("Enter")
    search = page.get_by_label("Search examples")
    expect(search).to_be_focused()
    topics = page.get_by_role("group")
    names = page.get_by_role("option")
    expect(topics.filter(has_text="API tokens")).to_have_count(1)
    expect(page.get_by_role("group", name="Directory").get_by_role("option")).to_have_count(7)

    page.keyboard.type("nothing of this kind")
    expect(page.get_by_text("0 examples")).to_be_visible()
    search.fill("factors second")
    expect(names).to_have_count(2)
    expect(names.first).to_have_attribute("aria-selected", "true")
    search.press("ArrowDown")
    expect(names.last).to_have_attribute("aria-selected", "true")
    search.press("ArrowUp")
    search.press("Enter")

    expect(page.get_by_role("tab", name="SecondFactors")).to_be_visible()
    expect(search).to_be_hidden()


def test_examples_have_ids_of_the_signed_in_user(page: Page, site: str) -> None:
    sign_in(page, site, "alan", "Alan Turing")
    created = ask(
        page,
        """mutation { createOrganization(input: {name: "Enigma Club"}) {
             organization { id } errors { message }
           } }""",
    )
    assert created["errors"] == []

    open_example(page, "User")
    expect(execute(page)).to_contain_text('"username": "alan"')
    open_example(page, "Organization")
    expect(execute(page)).to_contain_text("Enigma Club")
    open_example(page, "BulkAction")
    expect(page.get_by_label("Variables")).to_contain_text("<bulk action id>")


# Sharing -------------------------------------------------------------------------------


def test_link_opens_the_operation_without_secrets(page: Page, site: str) -> None:
    sign_in(page, site, "alan", "Alan Turing")
    open_link(
        page,
        site,
        query="""# seven lanterns
          mutation Secrets($phrase: String!, $input: LogInInput!) {
            a: logIn(input: {login: "eve", password: "literal lanterns"}) { errors { code } }
            b: logIn(input: {login: "bob", password: $phrase}) { errors { code } }
            c: logIn(input: $input) { errors { code } }
          }""",
        variables=json.dumps(
            {"phrase": "paper lanterns", "input": {"login": "joe", "password": "x y"}}
        ),
    )
    expect(page.get_by_role("tab", name="Secrets")).to_be_visible()

    link = copy(page, "Copy link")

    assert link.startswith(f"{site}/graphql#query=")
    assert "lanterns" not in link
    assert "x+y" not in link
    page.wait_for_function(IS_STORED, arg="Secrets")
    page.goto("about:blank")
    page.goto(link)
    expect(page).to_have_url(f"{site}/graphql")
    expect(page.get_by_role("tab", name="Secrets")).to_have_count(2)
    variables = page.get_by_label("Variables")
    expect(variables).to_contain_text('"phrase": "<phrase>"')
    expect(variables).to_contain_text('"login": "joe"')
    expect(variables).to_contain_text('"password": "<password>"')
    expect(page.get_by_label("Operation Editor")).to_contain_text('password: "<password>"')
    # It was not executed.
    expect(page.locator(".result-window")).not_to_contain_text("errors")


def test_syntax_errors_are_not_shared(page: Page, site: str) -> None:
    sign_in(page, site, "alan", "Alan Turing")
    open_link(page, site, query="query Broken { me { name }")

    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Copy link").click()

    expect(page.get_by_text("Not copied: Syntax Error")).to_be_visible()


def test_copies_as_curl_and_fetch_have_a_placeholder_for_the_token(page: Page, site: str) -> None:
    sign_in(page, site, "alan", "Alan Turing")
    query = """query Found($search: String!) {
  users(first: 1, search: $search) { nodes { username } }
  user(id: "it's `${quoted}` \\\\ \\"here\\"") { id }
}"""
    open_link(page, site, query=query, variables='{"search": "alan\'s"}')
    expect(page.get_by_role("tab", name="Found")).to_be_visible()

    words = shlex.split(copy(page, "Copy as curl"))
    assert words[:2] == ["curl", f"{site}/graphql"]
    assert "Authorization: Bearer $ROSTER_TOKEN" in words
    sent: dict[str, Any] = json.loads(words[-1])
    assert sent["variables"] == {"search": "alan's"}
    assert sent["operationName"] == "Found"
    assert "it's `${quoted}`" in sent["query"]

    code = copy(page, "Copy as fetch")
    token = ask(page, LOG_IN, password="roster-demo-2026")["accessToken"]
    assert code.count("Bearer <token>") == 1
    program = code.replace("<token>", token).replace("alan's", "alan")
    answer = page.evaluate(f"async () => {{ {program}; return data; }}")
    assert answer == {"users": {"nodes": [{"username": "alan"}]}, "user": None}


# The answer ----------------------------------------------------------------------------


def test_cost_and_plan_are_beside_the_answer(page: Page, site: str) -> None:
    sign_in(page, site, "ada", "Ada Lovelace")
    execution = page.get_by_role("region", name="Execution")
    query = """query Wide {
      users(first: 20) { nodes { id memberships(first: 10) { nodes { role } } } }
    }"""
    open_link(page, site, query=query)
    expect(page.get_by_role("tab", name="Wide")).to_be_visible()

    result = execute(page)

    expect(execution).to_contain_text("Cost: 3 points")
    expect(execution).to_contain_text("of 12,000 left")
    expect(result).not_to_contain_text("extensions")
    execution.get_by_text("Plan · executed by engine, 2 statements").click()
    expect(execution).to_contain_text("memberships (MembershipConnection!): statement")
    expect(execution).to_contain_text("SELECT")
    # Each tab has its own.
    page.get_by_role("tab", name="Me", exact=True).click()
    expect(execution).to_be_hidden()


# Everyone ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("viewport", "scheme", "other"),
    [(DESK, "light", "dark"), (PHONE, "dark", "light")],
    ids=["desk", "phone"],
)
def test_has_no_accessibility_violations(
    page: Page, site: str, axe: str, viewport: ViewportSize, scheme: Any, other: Any
) -> None:
    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=scheme)

    def check(part: str = "html") -> None:
        assert violations(page, axe, part) == []

    page.goto(f"{site}/graphql")
    page.get_by_role("button", name="Sign in", exact=True).click()
    check()
    page.keyboard.press("Escape")
    sign_in(page, site, "ada", "Ada Lovelace")
    page.get_by_role("button", name="Examples").click()
    check()
    page.keyboard.press("Escape")
    open_example(page, "Directory")
    expect(execute(page)).to_contain_text("Aaliyah ")
    page.get_by_text("Plan ·").click()
    check()
    # The system's scheme may change while the page is open.
    page.emulate_media(color_scheme=other)
    editor_theme = {"light": "vs", "dark": "vs-dark"}[other]
    expect(page.locator(".monaco-editor").first).to_contain_class(editor_theme)
    check()
    page.get_by_role("button", name="Share").click()
    # The open menu covers a part of GraphiQL's buttons on phones.
    check("header")


def test_phones_do_not_scroll_sideways(browser: Browser, site: str) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True)
    page = context.new_page()
    sign_in(page, site, "ada", "Ada Lovelace")
    identity = page.locator(".identity")
    assert identity.evaluate("label => label.scrollWidth <= label.clientWidth")
    open_example(page, "Directory")
    result = execute(page)
    expect(result).to_contain_text("Aaliyah ")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.get_by_text("User management: accounts,")).to_be_visible()
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()

    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == PHONE["width"]
    for part in (page.locator(".graphiql-query-editor"), result, page.locator(".graphiql-plugin")):
        box = part.bounding_box()
        assert box is not None
        assert box["width"] > PHONE["width"] * 0.8
    context.close()


# Sign-up -------------------------------------------------------------------------------


def test_the_mailed_link_completes_a_sign_up(page: Page, site: str) -> None:
    page.goto(f"{site}/graphql")
    page.evaluate(
        """() => client.signUp({
             email: "eve@example.org", username: "eve", password: "a phrase to remember"
           })"""
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
