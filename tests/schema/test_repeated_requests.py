"""Requests that repeat an earlier one: the same response, and only to equal requests."""

import io
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import hypothesis
import pytest
from django.core.handlers.wsgi import WSGIRequest
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from schema.documents.budget import CLIENTS
from schema.http.answers import repeated
from schema.http.answers.cached import ANSWERS
from schema.http.answers.repeated import REQUESTS, text_of
from tests.support.cached_answers import grow_older, outcomes
from tests.support.client import JSON
from tests.support.factories import make_token, node_id
from tests.support.repeats import (
    ME,
    Parsed,
    bearer,
    parse_again,
    warm,
)
from tests.support.wsgi import FIXED, Request, Response, send
from users.accounts.models import User

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

SEED: Final = 20_261_130
DRAWS: Final = 60
ALLOWED: Final = "https://app.example"
GRAPHQL_JSON: Final = "application/graphql-response+json"
USER: Final = "query ($id: ID!) { user(id: $id) { name profile { bio } isStaff } }"
USERS: Final = "{ users(first: 50, orderBy: {field: USERNAME}) { nodes { username name } } }"
# The values of variables on which a response depends; the first one is usual.
VALUES: Final[dict[str, tuple[str | None, ...]]] = {
    "HTTP_ACCEPT": (None, JSON, GRAPHQL_JSON, "*/*", "text/html, */*;q=0.1", "text/html", ""),
    "HTTP_ACCEPT_LANGUAGE": (None, "de", "de-AT, en;q=0.5", "xx", "d" * 600),
    "HTTP_CACHE_CONTROL": (None, "max-age=60", "max-age=0", "no-cache", "max-age=86400", "\xe9"),
    "HTTP_ORIGIN": (None, ALLOWED, "https://evil.example", "http://testserver", "null", "\xe9"),
    "HTTP_SEC_FETCH_SITE": (None, "same-origin", "cross-site"),
    "HTTP_ACCEPT_ENCODING": (None, "gzip, br"),
    "HTTP_USER_AGENT": (None, "Firefox", "\xe9" * 400),
    "HTTP_X_FORWARDED_FOR": (None, "192.0.2.1", "2001:db8::1, 192.0.2.1", "x"),
    "HTTP_X_FORWARDED_PROTO": (None, "https", "http"),
    "HTTP_X_REQUEST_ID": (None, "0123456789abcdef", "a\nb"),
    "HTTP_HOST": ("testserver", "localhost:80", "evil.example", ""),
    "wsgi.url_scheme": ("http", "https"),
    "REMOTE_ADDR": ("127.0.0.1", "2001:db8::2", ""),
    "REMOTE_PORT": (None, "1024"),
}
USUAL: Final = 0.7
# What differs between requests that are equal otherwise.
IGNORED: Final = ("REMOTE_PORT", "HTTP_X_REQUEST_ID")


@pytest.fixture
def me(credentials: dict[str, dict[str, str]]) -> Request:
    return Request.post(ME, **credentials["access token"])


@pytest.fixture
def proxied(settings: Any) -> None:
    """Be behind a proxy that reports the scheme, with pages of another origin."""
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 60
    settings.TRUSTED_PROXIES = 1
    settings.CORS_ALLOWED_ORIGINS = [ALLOWED]


def drawn(rng: random.Random, bob: User, credential: dict[str, str]) -> Request:
    """Draw a request, most of whose variables are usual."""
    make = rng.choice([Request.post, Request.get])
    query, variables = rng.choice([(ME, None), (USER, {"id": node_id(bob)}), (USERS, None)])
    environ: dict[str, Any] = {}
    for name, values in VALUES.items():
        environ[name] = values[0] if rng.random() < USUAL else rng.choice(values)
    if query == USERS:
        environ["HTTP_CACHE_CONTROL"] = "max-age=60"
    request = make(query, variables).having(**environ, **credential)
    if rng.random() < 0.1:
        request = request.having(CONTENT_TYPE=f"{JSON}; charset=utf-8")
    return request


def comparable(response: Response) -> Response:
    """Return the response without the seconds of `Age`, which may pass meanwhile."""
    headers = [(name, "…" if name == "Age" else value) for name, value in response.headers]
    return response._replace(headers=tuple(headers))


# The same response ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["access token", "cookie", "API token", "impersonation"])
@pytest.mark.parametrize("is_fast", [True, False], ids=["fast path", "Django's handler"])
@pytest.mark.usefixtures("proxied")
def test_repeated_requests_get_the_same_response(
    kind: str,
    is_fast: bool,  # noqa: FBT001 - a parameter of pytest's
    credentials: dict[str, dict[str, str]],
    bob: User,
    parsed: Parsed,
) -> None:
    """By either path, wherever the answer came from."""
    rng = random.Random(f"{SEED} {kind} {is_fast}")  # noqa: S311 - not a secret
    found: Counter[str] = Counter()
    for _number in range(DRAWS):
        CLIENTS.clear()
        request = drawn(rng, bob, credentials[kind])
        etag = warm(request, is_fast=is_fast).named.get("ETag")
        if etag and rng.random() < 0.5:
            request = request.having(HTTP_IF_NONE_MATCH=rng.choice([etag, 'W/"other"', "*"]))
            warm(request, is_fast=is_fast)
        before = parsed.count
        repeated = [send(request, is_fast=each) for each in (is_fast, not is_fast)]
        is_repeat = parsed.count == before
        fresh = [parse_again(request, is_fast=each) for each in (is_fast, not is_fast)]
        assert set(map(comparable, repeated)) == set(map(comparable, fresh)), request
        assert is_repeat or parsed.count > before
        found[f"{fresh[0].status[:3]} {request.environ['REQUEST_METHOD']} {is_repeat}"] += 1
    is_found = {"200 GET True", "200 POST True", "304 GET True"} <= {*found}
    assert is_found, found


def test_age_of_a_repeated_answer_grows(root: User, parsed: Parsed) -> None:
    request = Request.post(USERS, HTTP_CACHE_CONTROL="max-age=60", **bearer(make_token(root)))
    warm(request)
    grow_older(30)
    before = parsed.count
    assert 30 <= int(send(request).named["Age"]) < 60
    assert parsed.count == before
    grow_older(31)
    assert int(send(request).named["Age"]) < 30
    assert parsed.count > before


@pytest.mark.parametrize("kind", ["access token", "cookie", "API token", "impersonation"])
@pytest.mark.parametrize("make", [Request.post, Request.get])
def test_repeated_requests_take_one_statement(
    kind: str,
    make: Any,
    credentials: dict[str, dict[str, str]],
    parsed: Parsed,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    request = make(ME, **credentials[kind])
    warm(request)
    with django_assert_num_queries(1):
        assert parsed.is_repeat(request)
    if make is Request.get:
        etag = send(request).named["ETag"]
        request = request.having(HTTP_IF_NONE_MATCH=etag)
        warm(request)
        with django_assert_num_queries(1):
            assert outcomes(lambda: send(request)) == ["unchanged"]


def test_unchanged_answers_need_not_be_in_memory(me: Request, parsed: Parsed) -> None:
    request = Request.get(ME, HTTP_AUTHORIZATION=me.environ["HTTP_AUTHORIZATION"])
    request = request.having(HTTP_IF_NONE_MATCH=warm(request).named["ETag"])
    warm(request)
    ANSWERS.clear()
    before = parsed.count
    assert send(request).status == "304 Not Modified"
    assert parsed.count == before


def test_evicted_answers_are_computed(me: Request, parsed: Parsed) -> None:
    expected = warm(me)
    ANSWERS.clear()
    assert not parsed.is_repeat(me)
    assert send(me) == expected


# Equal requests only ----------------------------------------------------------------------


def changes_of(request: Request, rng: random.Random) -> Iterator[Request]:
    """Yield requests that differ from one in one thing."""
    for name, values in VALUES.items():
        for value in values:
            if name not in IGNORED and {**FIXED, **request.environ}.get(name) != value:
                yield request.having(**{name: value})
    for name in ("HTTP_AUTHORIZATION", "HTTP_HOST", "CONTENT_TYPE"):
        text = request.environ[name]
        yield request.having(**{name: text + "x"})
        yield request.having(**{name: text.swapcase()})
    yield request.having(HTTP_ANY="1")
    yield request.having(QUERY_STRING="operationName=X")
    yield request.having(REQUEST_METHOD="GET", QUERY_STRING="query={__typename}")
    yield request.having(SERVER_NAME="elsewhere", SERVER_PORT="81")
    for at in rng.sample(range(len(request.body)), 20):
        sent = bytearray(request.body)
        sent[at] ^= rng.randrange(1, 256)
        yield Request(request.environ, bytes(sent))
    longer = request.body + b" "
    yield Request({**request.environ, "CONTENT_LENGTH": str(len(longer))}, longer)
    yield request.having(CONTENT_LENGTH=str(len(request.body) - 1))


@pytest.mark.usefixtures("proxied")
def test_other_requests_are_not_repeats(me: Request, parsed: Parsed) -> None:
    """A request that differs in anything gets the response that it gets without memory."""
    rng = random.Random(SEED)  # noqa: S311 - not a secret
    warm(me)
    assert parsed.is_repeat(me)
    kept = dict(REQUESTS._values)  # noqa: SLF001 - no public name
    for other in changes_of(me, rng):
        CLIENTS.clear()
        found = send(other)
        assert parse_again(other) == found, other
        REQUESTS.clear()
        for name, value in kept.items():
            REQUESTS.put(name, value)
        before = parsed.count
        send(other)
        # Some are refused before they are parsed.
        assert parsed.count > before or found.status[:3] in {"400", "404", "301"}, other
        assert parsed.is_repeat(me)


def test_requests_with_the_same_hash_are_not_repeats(
    me: Request, parsed: Parsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated, "hash", lambda _text: 1, raising=False)
    other = me.having(HTTP_ACCEPT_LANGUAGE="de")
    for request, language in ((me, "en"), (other, "de"), (me, "en")):
        assert not parsed.is_repeat(request)
        assert warm(request).named["Content-Language"] == language
        assert parsed.is_repeat(request)
    assert len(REQUESTS) == 1


TEXTS: Final = st.text(st.characters(max_codepoint=255), max_size=4)
NAMES: Final = st.sampled_from(
    ["HTTP_COOKIE", "HTTP_ACCEPT", "HTTP_X", "HTTP_XY", "QUERY_STRING", "REMOTE_PORT", "RAW_URI"]
)
HEADS: Final = st.dictionaries(NAMES, TEXTS, max_size=5)
BODIES: Final = st.one_of(st.binary(max_size=6), st.sampled_from([b"}", b'"}', b"{}", b"null"]))
ANYTHING: Final = st.tuples(HEADS, BODIES)


def drawn_text(environ: dict[str, Any], body: bytes) -> bytes | None:
    own = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": JSON, "HTTP_AUTHORIZATION": "x"}
    length = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    return text_of(WSGIRequest(FIXED | own | length | environ))


@hypothesis.settings(max_examples=500, database=None)
@hypothesis.given(ANYTHING, ANYTHING)
def test_texts_are_equal_only_for_equal_requests(
    one: tuple[dict[str, str], bytes], other: tuple[dict[str, str], bytes]
) -> None:
    texts = [drawn_text(*each) for each in (one, other)]
    assert None not in texts
    (environ, body), (other_environ, other_body) = one, other
    if _without_ignored(environ) != _without_ignored(other_environ) or body != other_body:
        assert texts[0] != texts[1]
    if one == other and list(environ) == list(other_environ):
        assert texts[0] == texts[1]


@hypothesis.settings(max_examples=100, database=None)
@hypothesis.given(ANYTHING, TEXTS, TEXTS)
def test_ports_and_request_ids_do_not_matter(
    request_: tuple[dict[str, str], bytes], one: str, other: str
) -> None:
    environ, body = request_
    for name in IGNORED:
        texts = {drawn_text({name: text} | environ | {name: text}, body) for text in (one, other)}
        assert len(texts) == 1


def _without_ignored(environ: dict[str, str]) -> dict[str, Any]:
    return {name: text for name, text in (FIXED | environ).items() if name not in IGNORED}
