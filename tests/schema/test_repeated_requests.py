"""Requests that repeat an earlier one: the same response, and only to equal requests."""

import gc
import io
import pickle
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import hypothesis
import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection, transaction
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from core.ratelimit import in_memory
from core.versions.lookup import read_version
from core.web.caching import Hit
from engine.caches import SizedCache
from schema.documents.budget import CLIENTS
from schema.http.answers.cached import ANSWERS
from schema.http.answers.repeated import IGNORED, MAX_BODY, REQUESTS, RepeatedRequest, name_of
from tests.support.cached_answers import grow_older, outcomes
from tests.support.client import JSON, GraphQLClient
from tests.support.factories import make_token, node_id
from tests.support.other_connections import locked_elsewhere, terminate
from tests.support.repeats import (
    ME,
    WARMING,
    Parsed,
    anew,
    bearer,
    counting_parsed,
    make_credentials,
    warm,
)
from tests.support.wsgi import FIXED, Request, Response, send
from users.accounts.models import Profile, User
from users.authentication.sessions.middleware import cached_credential

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

SEED: Final = 20_261_130
DRAWS: Final = 60
ALLOWED: Final = "https://app.example"
GRAPHQL_JSON: Final = "application/graphql-response+json"
USER: Final = "query ($id: ID!) { user(id: $id) { name profile { bio } isStaff } }"
USERS: Final = "{ users(first: 50, orderBy: {field: USERNAME}) { nodes { username name } } }"
# Three hundred rows: two points more than one.
COSTLY: Final = """{ me {
  a: memberships(first: 100) { nodes { role } }
  b: memberships(first: 100) { nodes { role } }
  c: memberships(first: 100) { nodes { role } }
} }"""

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


@pytest.fixture
def parsed() -> Iterator[Parsed]:
    with counting_parsed() as counter:
        yield counter


@pytest.fixture
def credentials(alice: User, root: User, settings: Any) -> dict[str, dict[str, str]]:
    return make_credentials(alice, root, settings.SESSION_COOKIE)


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
        fresh = [anew(request, is_fast=each) for each in (is_fast, not is_fast)]
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
            if name not in IGNORED and (FIXED | request.environ).get(name) != value:
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
        assert anew(other) == found, other
        REQUESTS.clear()
        for name, value in kept.items():
            REQUESTS.put(name, value)
        before = parsed.count
        send(other)
        # Some are refused before they are parsed.
        assert parsed.count > before or found.status[:3] in {"400", "404", "301"}, other
        assert parsed.is_repeat(me)


TEXTS: Final = st.text(st.characters(max_codepoint=255), max_size=4)
NAMES: Final = st.sampled_from(
    ["HTTP_COOKIE", "HTTP_ACCEPT", "HTTP_X", "HTTP_XY", "QUERY_STRING", "REMOTE_PORT", "RAW_URI"]
)
HEADS: Final = st.dictionaries(NAMES, TEXTS, max_size=5)
BODIES: Final = st.one_of(st.binary(max_size=6), st.sampled_from([b"}", b'"}', b"{}", b"null"]))
ANYTHING: Final = st.tuples(HEADS, BODIES)


def digest_of(environ: dict[str, Any], body: bytes) -> bytes | None:
    own = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": JSON, "HTTP_AUTHORIZATION": "x"}
    length = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    return name_of(WSGIRequest(FIXED | own | length | environ))


@hypothesis.settings(deadline=None, max_examples=500, database=None)
@hypothesis.given(ANYTHING, ANYTHING)
def test_digests_are_equal_only_for_equal_requests(
    one: tuple[dict[str, str], bytes], other: tuple[dict[str, str], bytes]
) -> None:
    digests = [digest_of(*each) for each in (one, other)]
    assert None not in digests
    (environ, body), (other_environ, other_body) = one, other
    if _without_ignored(environ) != _without_ignored(other_environ) or body != other_body:
        assert digests[0] != digests[1]
    if one == other and list(environ) == list(other_environ):
        assert digests[0] == digests[1]


@hypothesis.settings(deadline=None, max_examples=100, database=None)
@hypothesis.given(ANYTHING, TEXTS, TEXTS)
def test_ports_and_request_ids_do_not_matter(
    request_: tuple[dict[str, str], bytes], one: str, other: str
) -> None:
    environ, body = request_
    for name in IGNORED:
        digests = {digest_of({name: text} | environ | {name: text}, body) for text in (one, other)}
        assert len(digests) == 1


def _without_ignored(environ: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in (FIXED | environ).items() if name not in IGNORED}


# Refusals and failures --------------------------------------------------------------------


def accepted(request: Request, points: int, before_each: Any) -> tuple[int, Response]:
    """Return how many requests are accepted, and the refusal."""
    CLIENTS.clear()
    for number in range(points + 1):
        before_each()
        found = send(request)
        if not found.status.startswith("200"):
            return number, found
    raise AssertionError("Nothing was refused.")


@pytest.mark.parametrize(("query", "expected"), [(ME, 30), (COSTLY, 8)])
def test_repeated_requests_are_charged_alike(
    query: str,
    expected: int,
    credentials: dict[str, dict[str, str]],
    alice: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    parsed: Parsed,
) -> None:
    """Also those whose answer has changed, which are parsed after all."""
    settings.GRAPHQL_POINTS_PER_MINUTE = 30
    now = in_memory.monotonic()
    monkeypatch.setattr(in_memory, "monotonic", lambda: now)
    bios = iter(range(1_000))

    def change() -> None:
        Profile.objects.filter(user=alice).update(bio=str(next(bios)))

    for credential in credentials.values():
        request = Request.post(query, **credential)
        CLIENTS.clear()
        warm(request)
        before = parsed.count
        repeated = accepted(request, 30, lambda: None)
        # The refusal only.
        assert parsed.count == before + 1
        assert repeated[0] == expected
        assert accepted(request, 30, REQUESTS.clear) == repeated
        assert accepted(request, 30, change) == repeated
        assert repeated[1].status == "429 Too Many Requests"


@pytest.fixture
def is_slow(transactional_db: None) -> Iterator[None]:
    """End statements after 50 ms on this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 50")
    yield
    connection.close()


@pytest.mark.parametrize("is_fast", [True, False])
@pytest.mark.usefixtures("is_slow")
def test_timeouts_are_responses_in_the_language_of_the_request(
    me: Request,
    is_fast: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """Whichever language the thread's former request had."""
    german = me.having(HTTP_ACCEPT_LANGUAGE="de")
    found = []
    for request in (german, me):
        warm(request, is_fast=is_fast)
    for is_known in (True, False):
        if not is_known:
            REQUESTS.clear()
        for request, former in ((german, me), (me, german)):
            send(former, is_fast=is_fast)
            with locked_elsewhere("LOCK TABLE authentication_session"):
                found.append(send(request, is_fast=is_fast))
    assert {each.status for each in found} == {"503 Service Unavailable"}
    assert found[:2] == found[2:]
    assert found[0].named["Content-Language"] == "de"


def test_passed_deadlines_are_responses(me: Request, settings: Any) -> None:
    german = me.having(HTTP_ACCEPT_LANGUAGE="de")
    warm(me)
    warm(german)
    send(me)
    settings.REQUEST_DEADLINE = 0.0
    repeated = send(german)
    settings.REQUEST_DEADLINE = 60.0
    send(me)
    settings.REQUEST_DEADLINE = 0.0
    assert anew(german) == repeated
    assert repeated.status.startswith("503")


def test_lost_connections_are_replaced(me: Request, parsed: Parsed) -> None:
    expected = warm(me)
    terminate(connection.connection.info.backend_pid)
    before = parsed.count
    assert send(me) == expected
    assert parsed.count == before
    connection.close()
    assert send(me) == expected


def test_transactions_see_their_own_changes(alice: User, parsed: Parsed) -> None:
    client = GraphQLClient(make_token(alice))
    for _time in range(WARMING):
        client(ME)
    assert parsed.count == WARMING - 2
    with transaction.atomic():
        for bio in ("one", "two"):
            Profile.objects.filter(user=alice).update(bio=bio)
            before = parsed.count
            assert client(ME).data["me"]["profile"]["bio"] == bio
            assert parsed.count > before


def test_memory_can_be_turned_off(
    me: Request, parsed: Parsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = warm(me)
    monkeypatch.setattr(SizedCache, "max_size", 0)
    assert not parsed.is_repeat(me)
    assert send(me) == expected


# Bounds -----------------------------------------------------------------------------------


def padded(request: Request, length: int) -> Request:
    body = request.body.ljust(length)
    return Request({**request.environ, "CONTENT_LENGTH": str(length)}, body)


def test_long_bodies_are_not_looked_up(me: Request, parsed: Parsed) -> None:
    for length, is_repeat in ((MAX_BODY, True), (MAX_BODY + 1, False)):
        request = padded(me, length)
        warm(request)
        assert parsed.is_repeat(request) is is_repeat


@pytest.mark.parametrize("is_fast", [True, False])
def test_bodies_that_are_too_long_are_refused(
    me: Request,
    settings: Any,
    is_fast: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """Also if the operator allows less than what is looked up."""
    settings.GRAPHQL_MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    found = send(padded(me, 1_001), is_fast=is_fast)
    assert found.status.startswith("413")
    assert send(padded(me, 1_000), is_fast=is_fast).status == "200 OK"


def test_many_requests_are_bounded(me: Request) -> None:
    """The estimate covers what entries take, and not many times as much."""
    warm(me)
    known = REQUESTS.get(*REQUESTS._values)  # noqa: SLF001 - no public name
    assert known
    for number in range(40):
        send(me.having(HTTP_X_NUMBER=str(number), HTTP_USER_AGENT="x" * 300, HTTP_ORIGIN=ALLOWED))
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(REQUESTS.max_size // known.size + 100):
            send(me.having(HTTP_X_NUMBER=f"{number}", HTTP_USER_AGENT=f"{number:300}"))
            assert REQUESTS.size <= REQUESTS.max_size
        CLIENTS.clear()
        gc.collect()
        before, size = tracemalloc.get_traced_memory()[0], REQUESTS.size
        REQUESTS.clear()
        gc.collect()
        freed = before - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert size > REQUESTS.max_size - known.size
    assert freed <= size <= 3 * freed


def test_size_of_many_entities_is_estimated(me: Request, alice: User) -> None:
    warm(me)
    known = REQUESTS.get(*REQUESTS._values)  # noqa: SLF001 - no public name
    assert known
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        entities = frozenset(uuid4() for _number in range(1_000))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    hit = Hit(None, entities, 0, None, 0)
    large = RepeatedRequest(known.actor, hit, 200, {})
    empty = RepeatedRequest(known.actor, hit._replace(entities=frozenset()), 200, {})
    assert taken <= large.size - empty.size <= 3 * taken


def test_many_entities_have_the_version_that_is_read_alone(me: Request, alice: User) -> None:
    """In the statement that authenticates the request, too."""
    warm(me)
    (hit,) = [each.hit for each in REQUESTS._values.values()]  # noqa: SLF001 - no public name
    found = cached_credential(WSGIRequest(FIXED | dict(me.environ) | {"wsgi.input": io.BytesIO()}))
    assert found
    lookup, credential = found
    entities = {*hit.entities, *(uuid4() for _number in range(1_000))}
    assert lookup.confirm(credential, entities) == read_version(entities) == hit.version


def test_no_secret_is_in_memory(credentials: dict[str, dict[str, str]], bob: User) -> None:
    secrets = [
        each.split("=", 1)[-1].split(" ")[-1] for c in credentials.values() for each in c.values()
    ]
    for credential in credentials.values():
        for make in (Request.post, Request.get):
            warm(make(USER + "# a comment", {"id": node_id(bob)}, **credential))
    entries = pickle.dumps(list(REQUESTS._values.items()))  # noqa: SLF001 - no public name
    assert len(REQUESTS) == 2 * len(credentials)
    for text in (*secrets, "a comment", "isStaff", node_id(bob), "Bearer", "roster="):
        assert text.encode() not in entries
    # What is searched is found.
    assert b"Accept-Language" in entries
