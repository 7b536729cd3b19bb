"""The applications of docs/guides in a real browser, on other origins than the service."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.dev.ports import free_port
from core.settings import DEFAULT_DEMO_PASSWORD
from tests.support.demo import demo
from tests.support.waiting import wait_until
from tests.system.authenticators import add_authenticator
from tests.system.cluster import connects, fetch
from tests.system.programs import npm
from tests.system.services import package_with_guides

ITEMS: Final = "li:not([aria-hidden])"
LOG_IN: Final = """mutation ($login: String!, $password: String!) {
  logIn(input: {login: $login, password: $password}) { accessToken }
}"""
LATEST_SESSION: Final = "{ me { sessions(first: 1) { nodes { ip } } } }"
NAMES: Final = """query ($after: String) {
  users(first: 100, after: $after) {
    nodes { name username }
    pageInfo { endCursor }
  }
}"""


class Files(SimpleHTTPRequestHandler):
    """Files of a folder."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """Serve a folder from a port of this machine; yield its origin."""
    handler = partial(Files, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{port}"
        finally:
            server.shutdown()
            thread.join()


def credentials(login: str) -> dict[str, str]:
    return {"login": login, "password": DEFAULT_DEMO_PASSWORD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The demo, and the port of the origin that it allows."""

    port: int
    app_port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def ask(self, query: str, token: str = "", **variables: Any) -> Any:
        """Send an operation; return the value of its field."""
        headers = {"Content_Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = json.dumps({"query": query, "variables": variables}).encode()
        _response, answer = fetch(self.port, "POST", "/graphql", body, **headers)
        (value,) = json.loads(answer)["data"].values()
        return value

    def log_in(self, login: str) -> str:
        """Return the access token of a new session."""
        token: str = self.ask(LOG_IN, **credentials(login))["accessToken"]
        return token

    def names(self, login: str) -> list[str]:
        """Return the first 200 names that a user sees, in the directory's order."""
        token = self.log_in(login)
        first = self.ask(NAMES, token)
        second = self.ask(NAMES, token, after=first["pageInfo"]["endCursor"])
        return [user["name"] or user["username"] for user in first["nodes"] + second["nodes"]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the demo as the guides have it configured."""
    service = Service(port=free_port(), app_port=free_port())
    origin = f"http://localhost:{service.app_port}"
    environ = {"ALLOWED_ORIGINS": origin, "WEBAUTHN_ORIGINS": origin, "TRUSTED_PROXIES": "1"}
    with demo(tmp_path_factory.mktemp("demo"), service.port, **environ) as running:
        running.wait_until_ready()
        yield service


@pytest.fixture(scope="module")
def package(service: Service) -> Path:
    return package_with_guides(service.url)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test if its scripts throw."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def build(package: Path, guide: str, page: str, service: Service) -> Path:
    """Build a page with the Vite configuration of a guide; return the output's folder."""
    output = package / "generated" / "applications" / guide
    options = ("--outDir", str(output), "--emptyOutDir")
    root = str(package / page)
    environ = {"VITE_ROSTER_URL": f"{service.url}/graphql"}
    folder = package / "generated" / "guides" / guide
    config = ("--config", str(folder / "vite.config.ts"))
    npm(folder, "exec", "--", "vite", "build", root, *config, *options, **environ)
    return output


def sign_in(page: Page, login: str) -> None:
    page.get_by_label("Username").fill(login)
    page.get_by_label("Password").fill(DEFAULT_DEMO_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def expect_two_pages(page: Page, items: Locator, names: list[str]) -> None:
    """Expect a page of users, and the next one after it."""
    expect(items).to_have_count(50)
    page.get_by_role("button", name="More").click()
    expect(items).to_have_count(100)
    assert items.all_inner_texts() == names[:100]


def test_react_on_another_origin(service: Service, package: Path, page: Page) -> None:
    names = service.names("grace")
    status, items = page.get_by_role("status"), page.locator(ITEMS)
    folder = build(package, "react-vite", "generated/guides/react-vite", service)
    with serving(folder, service.app_port) as origin, serving(folder, free_port()) as third:
        page.goto(origin)
        add_authenticator(page)
        sign_in(page, "grace")
        for count in (50, 100, 150):
            expect(items).to_have_count(count)
            assert items.all_inner_texts() == names[:count]
            items.last.scroll_into_view_if_needed()

        page.get_by_role("button", name="Add a passkey").click()
        expect(status).to_contain_text("Keep these codes")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Use a passkey").click()
        expect(items).to_have_count(50)
        # The passkey is also the second factor of the password.
        page.get_by_role("button", name="Sign out").click()
        sign_in(page, "grace")
        expect(items).to_have_count(50)
        # `sessionStorage` has the tokens.
        page.reload()
        expect(items).to_have_count(50)

        page.goto(third)
        sign_in(page, "grace")
        expect(status).to_have_text("The service cannot be reached.")
        assert items.count() == 0


def test_relay_in_react(service: Service, package: Path, page: Page) -> None:
    names = service.names("alan")
    folder = build(package, "relay", "pages/relay", service)
    methods: list[str] = []
    page.on("request", lambda request: methods.append(request.method))
    users, devices = (page.locator("ul").nth(number).locator("li") for number in range(2))
    with serving(folder, service.app_port) as origin:
        page.goto(f"{origin}/#alan:{DEFAULT_DEMO_PASSWORD}")
        expect_two_pages(page, users, names)

        count = devices.count()
        assert count > 1
        sent = methods.count("POST")
        devices.last.get_by_role("button", name="Sign out").click()
        expect(devices).to_have_count(count - 1)
        assert methods.count("POST") == sent + 1


def test_apollo_in_react(service: Service, package: Path, page: Page) -> None:
    names = service.names("alan")
    items = page.locator(ITEMS)
    folder = build(package, "react-vite", "pages/apollo", service)
    with serving(folder, service.app_port) as origin:
        page.goto(f"{origin}/#alan:{DEFAULT_DEMO_PASSWORD}")
        expect_two_pages(page, items, names)


@contextmanager
def next_server(folder: Path, service: Service, log: Path) -> Iterator[str]:
    """Run the Next.js application on the allowed port; yield its origin."""
    environ = {"ROSTER_URL": service.url, "NEXT_TELEMETRY_DISABLED": "1"}
    npm(folder, "exec", "--", "next", "build", **environ)
    program = folder.parents[2] / "node_modules" / ".bin" / "next"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), "start", "--hostname", "127.0.0.1", "--port", str(service.app_port)],
            cwd=folder,
            env=os.environ | environ,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: connects(service.app_port), "Next.js")
        yield f"http://localhost:{service.app_port}"
    finally:
        process.terminate()
        process.wait()


def test_nextjs_with_the_cookie(
    service: Service, package: Path, page: Page, tmp_path: Path
) -> None:
    folder = package / "generated" / "guides" / "nextjs"
    with next_server(folder, service, tmp_path / "next.log") as origin:
        page.goto(origin)
        sign_in(page, "ada")
        expect(page.get_by_role("heading")).to_have_text("Welcome, ada")
        page.reload()
        expect(page.get_by_role("heading")).to_have_text("Welcome, ada")
        assert page.evaluate("document.cookie") == ""

        cookies = [f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies()]
        headers = {"Content_Type": "application/json", "Cookie": "; ".join(cookies)}
        body = json.dumps({"query": "{ me { username } }"}).encode()
        for sender, status in ((origin, 200), ("http://localhost:1", 403)):
            response, _answer = fetch(
                service.app_port, "POST", "/graphql", body, Origin=sender, **headers
            )
            assert response.status == status

        # The test is the proxy in front of Next.js, which passes the header on and appends nothing.
        body = json.dumps({"query": LOG_IN, "variables": credentials("ada")}).encode()
        headers = {"Content_Type": "application/json", "X_Forwarded_For": "203.0.113.9"}
        _response, answer = fetch(service.app_port, "POST", "/graphql", body, **headers)
        token = json.loads(answer)["data"]["logIn"]["accessToken"]
        (session,) = service.ask(LATEST_SESSION, token)["sessions"]["nodes"]
        assert session == {"ip": "203.0.113.9"}
