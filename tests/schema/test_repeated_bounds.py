"""Requests that repeat an earlier one: charges, failures, odd requests, and memory."""

import gc
import io
import pickle
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection, transaction

from core.ratelimit import in_memory
from core.versions.lookup import read_version, version_values
from engine.caches import SizedCache
from schema.documents.budget import CLIENTS
from schema.http.answers.repeated import MAX_BODY, REQUESTS, RepeatedRequest, text_of
from tests.support.client import GraphQLClient
from tests.support.factories import make_token, node_id
from tests.support.other_connections import locked_elsewhere, terminate
from tests.support.repeats import ME, WARMING, Parsed, parse_again, warm
from tests.support.wsgi import FIXED, Request, Response, send
from users.accounts.models import Profile, User
from users.authentication.sessions.middleware import cached_credential

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

USER: Final = "query ($id: ID!) { user(id: $id) { name profile { bio } isStaff } }"
# Three hundred rows: two points more than one.
COSTLY: Final = """{ me {
  a: memberships(first: 100) { nodes { role } }
  b: memberships(first: 100) { nodes { role } }
  c: memberships(first: 100) { nodes { role } }
} }"""


@pytest.fixture
def me(credentials: dict[str, dict[str, str]]) -> Request:
    return Request.post(ME, **credentials["access token"])


# Refusals and failures --------------------------------------------------------------------


def accepted(request: Request, points: int, before_each: Any) -> tuple[int, Response]:
    """Return how many requests are accepted, and the refusal."""
    CLIENTS.clear()
    cache.clear()
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
    now = monotonic()
    monkeypatch.setattr(in_memory, "monotonic", lambda: now)
    # The clock of the shared buckets goes on.
    monkeypatch.setattr(in_memory, "BATCH", 1)
    bios = iter(range(1_000))

    def change() -> None:
        Profile.objects.filter(user=alice).update(bio=str(next(bios)))

    for credential in credentials.values():
        request = Request.post(query, **credential)
        CLIENTS.clear()
        cache.clear()
        warm(request)
        before = parsed.count
        repeated = accepted(request, 30, lambda: None)
        # The refusal only.
        assert parsed.count == before + 1
        assert repeated[0] == expected
        assert accepted(request, 30, change) == repeated
        assert accepted(request, 30, REQUESTS.clear) == repeated
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
    """The thread's former request had another one."""
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
    assert parse_again(german) == repeated
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
        client(ME)
        assert parsed.count == WARMING - 1
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


# Odd requests -----------------------------------------------------------------------------

ODD: Final[tuple[dict[str, Any], ...]] = (
    {"CONTENT_LENGTH": None},
    {"CONTENT_LENGTH": ""},
    {"CONTENT_LENGTH": "0"},
    {"CONTENT_LENGTH": "7"},
    {"CONTENT_LENGTH": "-1"},
    {"CONTENT_LENGTH": " 7 "},
    {"CONTENT_LENGTH": "1_0"},
    {"CONTENT_LENGTH": "\xb2", "REQUEST_METHOD": "GET", "QUERY_STRING": "query={me{id}}"},
    {"CONTENT_LENGTH": "9" * 30},
    {"CONTENT_TYPE": None},
    {"CONTENT_TYPE": "application/json; charset=\xe9"},
    {"CONTENT_TYPE": "multipart/form-data; boundary=x"},
    {"HTTP_COOKIE": "=;=; \xe9"},
    {"HTTP_AUTHORIZATION": "Bearer \xe9"},
    {"HTTP_AUTHORIZATION": ""},
    {"HTTP_USER_AGENT": "\udc80"},
    {"HTTP_X": "\ud800"},
    {"HTTP_X": "\x00\x7f\xff"},
    {"QUERY_STRING": "query=%ff&variables=%00", "REQUEST_METHOD": "GET"},
    {"server.object": object()},
    {"server.numbers": (2**70, float("nan"))},
    {"server.bytes": b"\xff", "server.keys": {1: object()}},
)


@pytest.mark.parametrize("is_fast", [True, False])
def test_odd_requests_are_answered(
    me: Request,
    is_fast: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    for odd in ODD:
        request = me.having(**odd)
        found = warm(request, is_fast=is_fast)
        assert found.status < "5", odd
        assert found == parse_again(request, is_fast=is_fast)


@pytest.mark.parametrize("is_fast", [True, False])
def test_clients_that_leave_are_no_exceptions(
    me: Request,
    is_fast: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """A body that cannot be read is as one of an anonymous request."""

    class Left(io.BytesIO):
        def read(self, *_size: Any) -> bytes:
            raise OSError

        readline = read

    anonymous = me.having(HTTP_AUTHORIZATION=None)
    found = [send(each, is_fast=is_fast, stream=Left()) for each in (me, anonymous)]
    # The page of an error shows the request id.
    assert len({(each.status, re.sub(rb"[0-9a-f]{32}", b"", each.body)) for each in found}) == 1


def test_other_bodies_than_json_are_not_read(me: Request) -> None:
    """Django's parser of forms needs the stream."""
    stream = io.BytesIO(b"--x--")
    form = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": "5"}
    assert text_of(WSGIRequest(FIXED | dict(me.environ) | form | {"wsgi.input": stream})) is None
    assert stream.tell() == 0


def test_nothing_is_repeated_without_cached_credentials(
    me: Request, settings: Any, parsed: Parsed
) -> None:
    former = warm(me)
    settings.DATABASE_PIPELINE = False
    assert not parsed.is_repeat(me)
    assert send(me) == former


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


def the_only_request() -> RepeatedRequest:
    found = REQUESTS.get(*REQUESTS._values)  # noqa: SLF001 - no public name
    assert found
    return found


def test_many_requests_are_bounded(me: Request) -> None:
    """The estimate covers what entries take, and not many times as much."""
    warm(me)
    known = the_only_request()
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
    known = the_only_request()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        entities = frozenset(uuid4() for _number in range(1_000))
        values = version_values(entities)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    hit = known.hit._replace(entities=entities)
    large = replace(known, hit=hit, entities=values)
    assert taken <= large.size - known.size <= 3 * taken


def test_many_entities_have_the_version_that_is_read_alone(me: Request, alice: User) -> None:
    """In the statement that authenticates the request, too."""
    warm(me)
    (hit,) = [each.hit for each in REQUESTS._values.values()]  # noqa: SLF001 - no public name
    found = cached_credential(WSGIRequest(FIXED | dict(me.environ) | {"wsgi.input": io.BytesIO()}))
    assert found
    lookup, credential = found
    entities = {*hit.entities, *(uuid4() for _number in range(1_000))}
    assert (
        lookup.confirm(credential, version_values(entities))
        == read_version(entities)
        == hit.version
    )


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
