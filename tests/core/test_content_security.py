"""Every response has a Content Security Policy: pages, errors and other content."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from core.outbox.models import OutboxMessage
from core.web import content_security
from core.web.content_security import admin_policy
from tests.admin.support import change_url, make_administrator, make_staff, sign_in
from tests.support.client import Answer
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import Session

pytestmark = pytest.mark.django_db

# Sample values for path converters.
SAMPLES = {
    "str": "x",
    "int": "1",
    "slug": "x",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "path": "x",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS")
# Forbidden in every policy. `unsafe-eval` is allowed in the admin, for Alpine.js.
FORBIDDEN = ("*", "http:", "https:", "'unsafe-hashes'", "'strict-dynamic'")


def paths(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    """Yield a path for each URL pattern of the service."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = str(pattern.pattern)
        if route.startswith("^"):
            # Regular expressions occur in the admin only: the app lists and the catch-all.
            names = re.search(r"\(\?P<\w+>([a-z_|]+)\)", route)
            routes = [f"{name}/" for name in names[1].split("|")] if names else ["no/such/page"]
        else:
            routes = [re.sub(r"<(?:(\w+):)?\w+>", lambda m: SAMPLES[m[1] or "str"], route)]
        for part in routes:
            if isinstance(pattern, URLResolver):
                yield from paths(pattern.url_patterns, prefix + part)
            else:
                assert isinstance(pattern, URLPattern)
                yield prefix + part


def directives(response: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for directive in response.headers["Content-Security-Policy"].split(";"):
        name, *sources = directive.split()
        assert name not in found
        found[name] = sources
    return found


def check(response: Any) -> None:
    policy = directives(response)
    assert policy["default-src"] == ["'none'"]
    if "sandbox" in policy:
        return
    assert policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] in (["'self'"], ["'none'"])
    scripts = policy.get("script-src", [])
    assert "'unsafe-inline'" not in scripts
    assert not [source for sources in policy.values() for source in sources if source in FORBIDDEN]
    assert "data:" not in scripts
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        assert len(policy) == 4


@pytest.fixture(params=["anonymous", "staff", "administrator"])
def reader(request: pytest.FixtureRequest) -> Client:
    """A client that receives error pages instead of exceptions."""
    client = Client(raise_request_exception=False)
    if request.param != "anonymous":
        sign_in(client, {"staff": make_staff, "administrator": make_administrator}[request.param]())
    return client


def test_every_url_pattern_has_a_policy(reader: Client, media: object) -> None:
    found = {*paths(), "/livez", "/readyz", "/metrics", "/no/such/page", "/static/none.js"}
    assert len(found) > 80
    assert {"/graphql", "/verify-email", "/media/x", "/admin/login/"} <= found
    statuses = set()
    for path in sorted(found):
        for method in METHODS:
            response = reader.generic(method, path)
            check(response)
            statuses.add(response.status_code)
    assert statuses >= {200, 302, 404, 405}


def test_admin_change_pages_have_a_policy(media: object, alice: User) -> None:
    client = Client()
    sign_in(client, make_administrator())
    OutboxMessage.objects.create(subscriber="s", payload={}, dispatch_at="2026-01-01T00:00Z")
    shown = set()
    for model in admin.site._registry:  # noqa: SLF001 - no public API
        for row in model._base_manager.all()[:3]:
            response = client.get(change_url(row))
            assert response.headers["Content-Security-Policy"] == admin_policy()
            if response.status_code == 200:
                shown.add(model)
    assert {User, Session, Event, OutboxMessage} <= shown


# Errors ----------------------------------------------------------------------------------


def test_refusal_of_an_unknown_host_has_a_policy() -> None:
    for method, path in (("GET", "/"), ("POST", "/graphql"), ("GET", "/admin/")):
        response = Client().generic(method, path, headers={"host": "evil.example"})
        assert response.status_code == 400
        check(response)


def test_csrf_failure_is_explained() -> None:
    client = Client(enforce_csrf_checks=True)
    for language, words in (("en", "reload the page"), ("de", "laden Sie die Seite neu")):
        response = client.post("/verify-email", headers={"Accept-Language": language})
        assert response.status_code == 403
        check(response)
        page = response.content.decode()
        assert words in page
        assert "<style" not in page
        assert "style=" not in page


def test_internal_error_has_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)

    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("users.accounts.views.MailedLinkView.get_context_data", fail)
    response = client.get("/verify-email")
    assert response.status_code == 500
    check(response)
    monkeypatch.setattr("users.authentication.sessions.middleware.client_address", fail)
    for method, path in (("GET", "/verify-email"), ("POST", "/graphql")):
        response = client.generic(method, path)
        assert response.status_code == 500
        check(response)


def test_api_responses_have_a_policy(anonymous: Any) -> None:
    for body in ('{"query": "{ __typename }"}', "{", "[" * 10):
        answer: Answer = anonymous.post(body)
        assert (
            answer.headers["Content-Security-Policy"]
            == content_security.NOTHING
            == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


# What pages need -------------------------------------------------------------------------


def test_templates_have_no_inline_scripts_or_styles(settings: Any) -> None:
    own = [
        path
        for folder in ("engine", "core", "users", "schema")
        for path in (settings.BASE_DIR / folder).rglob("templates/**/*.html")
        # Mails have inline styles.
        if "mail" not in path.parts
    ]
    assert len(own) > 10
    for path in own:
        text = path.read_text()
        assert not re.search(
            r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", text
        ), path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://media.example.com/", "img-src 'self' data: https://media.example.com;"),
        ("/media/", "img-src 'self' data:;"),
    ],
)
def test_admin_policy_allows_the_media_host(
    settings: Any, url: str, expected: str, clear_policy: Callable[[], None]
) -> None:
    settings.MEDIA_URL = url
    clear_policy()
    assert expected in admin_policy()


def test_admin_policy_without_file_storage_allows_no_other_host(
    settings: Any, clear_policy: Callable[[], None]
) -> None:
    settings.KEEPS_FILES = False
    clear_policy()
    assert "img-src 'self' data:;" in admin_policy()


@pytest.fixture
def clear_policy() -> Iterator[Callable[[], None]]:
    yield admin_policy.cache_clear
    admin_policy.cache_clear()
    cache.clear()
