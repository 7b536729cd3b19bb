"""Pages of allowed origins use the API in a real browser; others cannot.

A logo may be on any.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from core.dev.ports import free_port
from core.settings import DEFAULT_DEMO_PASSWORD
from tests.support.demo import demo

# As docs/api.md has it, with the credentials mode and the headers of the response.
ASK: Final = """
    async ([url, query, token, credentials]) => {
      const response = await fetch(url, {
        method: "POST",
        credentials,
        headers: {
          "Content-Type": "application/json",
          ...(token && {Authorization: `Bearer ${token}`}),
        },
        body: JSON.stringify({query}),
      })
      return [response.status, response.headers.get("X-Request-ID"), await response.json()]
    }
"""
READ: Final = "url => fetch(url).then(response => response.text())"
LOG_IN: Final = """
    mutation {
      logIn(input: {login: "ada", password: "%s", transport: %s}) {
        accessToken user { username } errors { code }
      }
    }
"""
ME: Final = "{ me { username } }"
ADA: Final = {"data": {"me": {"username": "ada"}}}
LOGO: Final = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"/>'
# The width of an image, 0 if it was refused, and its size on the page.
SHOWN: Final = "image => [image.naturalWidth, image.clientWidth, image.clientHeight]"


class Blank(BaseHTTPRequestHandler):
    """An empty page at each URL, and a logo."""

    def do_GET(self) -> None:
        kind, body = ("image/svg+xml", LOGO) if self.path == "/logo" else ("text/html", b"")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def pages_at(host: str) -> Iterator[str]:
    """Serve blank pages from a free port; yield their origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{host}:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The service, and pages of other origins, some of its site, which has no port."""

    service: str
    same_site: str
    cross_site: str
    third: str


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origins]:
    """Run the demo with two allowed origins, and pages of three.

    The logo is on the third.
    """
    port = free_port()
    with ExitStack() as stack:
        same_site, cross_site, third = (
            stack.enter_context(pages_at(host)) for host in ("localhost", "127.0.0.1", "localhost")
        )
        directory = tmp_path_factory.mktemp("demo")
        settings = {
            "ALLOWED_ORIGINS": f"{same_site}/, {cross_site}",
            "SERVICE_NAME": "Acme & Co",
            "SERVICE_LOGO_URL": f"{third}/logo",
        }
        running = stack.enter_context(demo(directory, port, **settings))
        running.wait_until_ready()
        yield Origins(
            service=f"http://localhost:{port}",
            same_site=same_site,
            cross_site=cross_site,
            third=third,
        )


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Open pages that share their cookies."""
    context = browser.new_context()

    def open_page(origin: str) -> Page:
        page = context.new_page()
        page.goto(f"{origin}/")
        return page

    yield open_page
    context.close()


def ask(
    page: Page, origins: Origins, query: str, token: str = "", credentials: str = "omit"
) -> Any:
    """Send an operation from the page; return the readable parts of the response."""
    url = f"{origins.service}/graphql"
    return page.evaluate(ASK, [url, query, token, credentials])


def log_in(page: Page, origins: Origins, transport: str) -> Any:
    query = LOG_IN % (DEFAULT_DEMO_PASSWORD, transport)
    status, _request_id, body = ask(page, origins, query, credentials="include")
    payload = body["data"]["logIn"]
    assert (status, payload["errors"], payload["user"]) == (200, [], {"username": "ada"})
    return payload


@pytest.mark.parametrize("name", ["same_site", "cross_site"])
def test_allowed_origin_signs_in_by_tokens(
    origins: Origins, open_page: Callable[[str], Page], name: str
) -> None:
    page = open_page(getattr(origins, name))
    token = log_in(page, origins, "TOKEN")["accessToken"]
    status, request_id, body = ask(page, origins, ME, token)
    assert (status, body) == (200, ADA)
    assert request_id
    # A page can read why it was refused, or it could not refresh its tokens.
    status, _request_id, body = ask(page, origins, ME, f"{token}x")
    assert status == 401
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    schema = page.evaluate(READ, f"{origins.service}/schema.graphql")
    assert "type Query" in schema


def test_cookie_is_sent_from_the_same_site_only(
    origins: Origins, open_page: Callable[[str], Page]
) -> None:
    page, elsewhere = open_page(origins.same_site), open_page(origins.cross_site)
    log_in(elsewhere, origins, "COOKIE")
    assert ask(elsewhere, origins, ME, credentials="include")[2] == {"data": {"me": None}}
    log_in(page, origins, "COOKIE")
    assert ask(page, origins, ME, credentials="include")[2] == ADA
    assert ask(elsewhere, origins, ME, credentials="include")[2] == {"data": {"me": None}}


def test_third_origin_is_refused_by_the_browser(
    origins: Origins, open_page: Callable[[str], Page]
) -> None:
    log_in(open_page(origins.same_site), origins, "COOKIE")
    page = open_page(origins.third)
    for credentials in ("omit", "include"):
        with pytest.raises(Error, match="Failed to fetch"):
            ask(page, origins, ME, credentials=credentials)
    # Requests without a preflight are sent, but the page cannot read the response.
    for path in ("/graphql?query={me{username}}", "/schema.graphql", "/.well-known/jwks.json"):
        with pytest.raises(Error, match="Failed to fetch"):
            page.evaluate(READ, f"{origins.service}{path}")


@pytest.mark.parametrize("path", ["/graphql", "/forgot-password"])
def test_logo_of_another_host_is_shown(origins: Origins, browser: Browser, path: str) -> None:
    page = browser.new_page()
    page.goto(f"{origins.service}{path}")
    logo = page.locator(f'img[src="{origins.third}/logo"]')
    expect(logo).to_be_visible()
    expect(page.get_by_text("Acme & Co").first).to_be_visible()
    page.wait_for_function("() => [...document.images].every(image => image.complete)")
    assert logo.evaluate(SHOWN) == [60, 48, 24]
    page.close()
