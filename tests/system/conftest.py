"""Fixtures for the demo in a real browser, and for the TypeScript client."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from core.dev.ports import free_port
from tests.support.demo import demo
from tests.system.accessibility import axe_script
from tests.system.programs import built_client, npm, require_program

# Disables Chromium's update checks.
OFFLINE = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def client_script() -> str:
    """Return a script that defines `client`, with the cookie's session, on pages of the service."""
    options = ("--bundle", "--format=iife", "--global-name=roster")
    command = ("exec", "--offline", "--", "esbuild", "dist/index.js", *options)
    bundle = npm(built_client(), *command)
    return f"""{bundle}
      globalThis.client = roster.createClient({{url: "/graphql", transport: "COOKIE"}});
    """


@pytest.fixture(scope="session")
def axe() -> str:
    return axe_script()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the demo; yield its URL.

    All files use it, and leave its named users as they were.
    """
    port = free_port()
    with demo(tmp_path_factory.mktemp("demo"), port) as running:
        running.wait_until_ready()
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = require_program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OFFLINE)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A page that fails the test if it logs an error or requests another host."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    hosts: set[str] = set()
    complaints: list[str] = []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(f"{message.text} ({message.location['url']})")
            if message.type == "error"
            else None
        ),
    )
    yield page
    assert hosts <= {urlsplit(site).netloc, ""}
    assert complaints == []
    context.close()
