"""Pages of allowed origins can use the API, and those of other origins cannot (CORS)."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.client import JSON, GraphQLClient, ServiceClient
from tests.support.factories import make_api_token, make_token
from users.accounts.models import User

ALLOWED: Final = "https://app.example"
# A third origin, others that resemble an allowed one, and that of sandboxed frames.
OTHERS: Final = (
    "https://evil.example",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example.evil.example",
    "https://evil.example#https://app.example",
    "null",
    "[",
)
EXPOSED: Final = {"Age", "ETag", "Retry-After", "WWW-Authenticate", "X-Request-ID"}
REQUEST_HEADERS: Final = {
    *("Accept", "Accept-Language", "Authorization", "Cache-Control", "Content-Type"),
    *("Apollo-Require-Preflight", "GraphQL-Require-Preflight", "If-None-Match", "X-Request-ID"),
}
URLS: Final = ("/graphql", "/schema.graphql", "/.well-known/jwks.json", "/media/avatars/x.webp")
ME: Final = json.dumps({"query": "{ me { username } }"})
AVATAR: Final = f"/media/avatars/{'ab' * 16}.webp"

pytestmark = pytest.mark.usefixtures("db", "path")


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ALLOWED]


@pytest.fixture
def http() -> ServiceClient:
    return ServiceClient(raise_request_exception=False)


def post(http: ServiceClient, body: str = ME, **headers: str) -> Any:
    return http.generic("POST", "/graphql", body, JSON, headers={"Origin": ALLOWED} | headers)


def names(header: str) -> set[str]:
    return {each.strip() for each in header.split(",")}


def assert_readable(response: Any) -> None:
    """Assert that a browser lets pages of the allowed origin read the response."""
    assert response["Access-Control-Allow-Origin"] == ALLOWED
    assert response["Access-Control-Allow-Credentials"] == "true"
    assert names(response["Access-Control-Expose-Headers"]) == EXPOSED
    assert "origin" in names(response["Vary"].lower())


def assert_unreadable(response: Any) -> None:
    assert [name for name in response.headers if name.lower().startswith("access-control-")] == []
    assert "origin" in names(response["Vary"].lower())


@pytest.mark.parametrize("url", URLS)
def test_preflight_is_granted_to_allowed_origins_only(http: ServiceClient, url: str) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    response = http.options(url, headers={"Origin": ALLOWED} | asked)
    assert (response.status_code, response.content) == (200, b"")
    assert_readable(response)
    assert names(response["Access-Control-Allow-Headers"]) == REQUEST_HEADERS
    assert names(response["Access-Control-Allow-Methods"]) == {"GET", "HEAD", "POST"}
    assert response["Access-Control-Max-Age"] == "7200"
    assert response["X-Request-ID"]
    for origin in OTHERS:
        assert_unreadable(http.options(url, headers={"Origin": origin} | asked))


@pytest.mark.parametrize(
    "url", ["/", "/admin/", "/verify-email", "/graphql/", "/graphqlx", "/livez"]
)
def test_pages_have_no_headers(http: ServiceClient, url: str) -> None:
    for method in ("get", "options"):
        asked = {"Origin": ALLOWED, "Access-Control-Request-Method": "GET"}
        response = getattr(http, method)(url, headers=asked)
        assert "Access-Control-Allow-Origin" not in response.headers


def test_answer_is_readable_by_allowed_origins_only(http: ServiceClient) -> None:
    response = post(http)
    assert response.json() == {"data": {"me": None}}
    assert_readable(response)
    for origin in OTHERS:
        assert_unreadable(post(http, Origin=origin))


def test_answers_without_an_origin_vary_by_it(http: ServiceClient) -> None:
    assert_unreadable(http.generic("POST", "/graphql", ME, JSON))
    for url in URLS:
        assert_unreadable(http.get(url))


@pytest.mark.parametrize("url", URLS)
def test_documents_are_readable(http: ServiceClient, url: str) -> None:
    assert_readable(http.get(url, headers={"Origin": ALLOWED}))


def test_unchanged_schema_is_readable(http: ServiceClient) -> None:
    headers = {"Origin": ALLOWED}
    etag = http.get("/schema.graphql", headers=headers)["ETag"]
    response = http.get("/schema.graphql", headers=headers | {"If-None-Match": etag})
    assert response.status_code == 304
    assert_readable(response)


def test_avatars_are_readable(http: ServiceClient, media: Path) -> None:
    path = media / AVATAR.removeprefix("/media/")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"RIFF")
    assert_readable(http.get(AVATAR, headers={"Origin": ALLOWED}))


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (400, {}, "{"),
        (401, {"Authorization": "Bearer x.y.z"}, ME),
        (406, {"Accept": "text/html"}, ME),
        (413, {}, " " * 200_000),
        (415, {"Content-Type": "text/plain"}, ME),
    ],
)
def test_refusals_are_readable(
    http: ServiceClient, status: int, headers: dict[str, str], body: str
) -> None:
    response = post(http, body, **headers)
    assert response.status_code == status
    assert_readable(response)
    response = http.generic("POST", "/graphql", body, JSON, headers=headers)
    assert response.status_code == status
    assert_unreadable(response)


def test_refusal_for_a_missing_scope_is_readable(http: ServiceClient, alice: User) -> None:
    token = make_api_token(alice, "profile:read")
    body = json.dumps({"query": "mutation { logOut { errors { code } } }"})
    response = post(http, body, Authorization=f"Bearer {token}")
    assert response.status_code == 403
    assert_readable(response)


def test_exhausted_budget_is_readable(http: ServiceClient, settings: Any) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 1
    responses = [post(http) for _time in range(2)]
    refused = [each for each in responses if each.status_code == 429]
    assert refused
    for each in refused:
        assert_readable(each)
        assert each["Retry-After"]


def test_timeout_before_the_view_is_readable(
    http: ServiceClient, alice: User, settings: Any
) -> None:
    headers = {"Origin": ALLOWED, "Authorization": f"Bearer {make_token(alice)}"}
    settings.REQUEST_DEADLINE = 0.0
    for response in (post(http, **headers), http.get("/schema.graphql", headers=headers)):
        assert response.status_code == 503
        assert_readable(response)


def test_faults_are_readable(http: ServiceClient, settings: Any) -> None:
    settings.TRUSTED_PROXIES = "not a number"
    for response in (post(http), http.get("/schema.graphql", headers={"Origin": ALLOWED})):
        assert response.status_code == 500
        assert_readable(response)


def test_invalid_token_is_readable_before_the_view(http: ServiceClient) -> None:
    headers = {"Origin": ALLOWED, "Authorization": "Bearer x.y.z"}
    response = http.get("/schema.graphql", headers=headers)
    assert response.status_code == 401
    assert_readable(response)


def test_bearer_token_authenticates_from_an_allowed_origin(
    http: ServiceClient, alice: User
) -> None:
    response = post(http, Authorization=f"Bearer {make_token(alice)}")
    assert response.json() == {"data": {"me": {"username": "alice"}}}
    assert_readable(response)


def test_no_origin_is_allowed_by_default(http: ServiceClient, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = []
    assert_unreadable(post(http))
    headers = {"Origin": ALLOWED, "Access-Control-Request-Method": "POST"}
    assert_unreadable(http.options("/graphql", headers=headers))


def test_form_from_an_allowed_origin_is_accepted(anonymous: GraphQLClient) -> None:
    parts = ("operations", b'{"query": "{ __typename }"}'), ("map", b"{}")
    answer = anonymous.form(*parts, Origin=ALLOWED)
    assert answer.data == {"__typename": "Query"}
    assert answer.headers["access-control-allow-origin"] == ALLOWED
