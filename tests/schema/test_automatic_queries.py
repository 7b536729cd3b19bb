"""Automatic persisted queries, as Apollo and urql send them."""

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from redis import Redis

from core.cache.shared import SharedCache, _name
from schema.http import persisted
from schema.trusted.identifiers import digest_of
from tests.core.test_shared_cache import count
from tests.support.client import JSON, GraphQLClient, run_concurrently
from tests.support.persisted import apq, send, send_both, send_hash, trust_text
from users.accounts.models import User

pytestmark = pytest.mark.usefixtures("path", "no_persisted_documents", "no_cached_answers")

GRAPHQL_JSON: Final = "application/graphql-response+json"
ME: Final = "query Me { me { id name username } }"
NOT_FOUND: Final = {
    "message": "PersistedQueryNotFound",
    "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
}
NOT_SUPPORTED: Final = {
    "message": "PersistedQueryNotSupported",
    "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
}


@pytest.fixture
def redis(no_cached_answers: None, settings: Any) -> Redis:
    """Have the store, without entries."""
    settings.SHARED_CACHE_SECONDS = 600
    server = Redis.from_url(settings.REDIS_URL)
    server.flushdb()
    return server


@pytest.fixture
def client(redis: Redis, alice: User, client_of: Callable[[User], GraphQLClient]) -> GraphQLClient:
    return client_of(alice)


def stored_name(text: str) -> str:
    """Return the name that Redis has for a document."""
    key = blake2b(bytes.fromhex(digest_of(text)), person=b"document").digest()
    return f"roster:shared:1:{_name(key)}"


def url_of(text: str) -> str:
    """Return the URL of a document, by its SHA-256."""
    extensions = json.dumps(apq(digest_of(text)))
    return f"/graphql?{urlencode({'variables': '{}', 'extensions': extensions})}"


def test_document_is_stored_with_its_text_and_found_by_its_hash(client: GraphQLClient) -> None:
    for media_type, status in ((JSON, 200), (GRAPHQL_JSON, 400)):
        answer = send(client, {"Accept": media_type}, extensions=apq(digest_of(ME)))
        assert (answer.status, answer.body) == (status, {"errors": [NOT_FOUND]})
    assert send_both(client, ME).data["me"]["username"] == "alice"
    assert send_hash(client, ME).data == send(client, query=ME).data


def test_hash_by_get(client: GraphQLClient) -> None:
    url = url_of(ME)
    headers = {"Authorization": f"Bearer {client.token}"}
    assert client.http.get(url, headers=headers).json() == {"errors": [NOT_FOUND]}
    send_both(client, ME)
    assert client.http.get(url, headers=headers).json()["data"]["me"]["username"] == "alice"


def test_another_process_finds_the_document_in_the_store(
    client: GraphQLClient, redis: Redis
) -> None:
    send_both(client, ME)
    persisted.AUTOMATIC.clear()
    assert send_hash(client, ME).data["me"]
    # Now it is in this process's memory.
    redis.flushdb()
    assert send_hash(client, ME).data["me"]
    persisted.AUTOMATIC.clear()
    assert send_hash(client, ME).codes == ["PERSISTED_QUERY_NOT_FOUND"]


def test_entries_of_the_store_expire(client: GraphQLClient, redis: Redis) -> None:
    send_both(client, ME)
    assert 0 < redis.ttl(stored_name(ME)) <= 600
    assert redis.dbsize() == 1


def test_entries_of_others_are_misses(client: GraphQLClient, redis: Redis) -> None:
    other = "{ __typename }"
    send_both(client, ME)
    send_both(client, other)
    redis.rename(stored_name(other), stored_name(ME))
    persisted.AUTOMATIC.clear()
    assert send_hash(client, ME).body == {"errors": [NOT_FOUND]}
    redis.set(stored_name(ME), ME)
    assert send_hash(client, ME).body == {"errors": [NOT_FOUND]}


@pytest.mark.parametrize("wrong", [digest_of("{ __typename }"), digest_of(ME).upper(), "0", "md5"])
def test_hash_that_does_not_match_is_refused_and_not_stored(
    client: GraphQLClient, redis: Redis, wrong: str
) -> None:
    answer = send(client, query=ME, extensions=apq(wrong))
    assert answer.codes == ["PERSISTED_QUERY_MISMATCH"]
    assert "UTF-8" in answer.body["errors"][0]["message"]
    assert "data" not in answer.body
    assert (len(persisted.AUTOMATIC), redis.dbsize()) == (0, 0)


@pytest.mark.parametrize(
    "found",
    [
        1,
        "x",
        [],
        {},
        {"version": 2, "sha256Hash": digest_of(ME)},
        {"version": "1", "sha256Hash": digest_of(ME)},
        {"sha256Hash": digest_of(ME)},
        {"version": 1},
        {"version": 1, "sha256Hash": 5},
        {"version": 1, "sha256Hash": ""},
        {"version": 1, "sha256Hash": "a" * 201},
        {"version": 1, "sha256Hash": "a b"},
        {"version": 1, "sha256Hash": {}},
    ],
    ids=repr,
)
@pytest.mark.parametrize("query", [None, ME])
def test_extension_of_another_form_is_a_bad_request(
    client: GraphQLClient, found: Any, query: str | None
) -> None:
    answer = send(client, query=query, extensions={"persistedQuery": found})
    assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])


def test_extension_may_have_more(client: GraphQLClient) -> None:
    extensions = {"persistedQuery": apq(digest_of(ME))["persistedQuery"] | {"miss": True}, "x": 1}
    assert send(client, query=ME, extensions=extensions).data["me"]
    assert send(client, extensions=extensions).data["me"]
    assert send(client, query=ME, extensions={"persistedQuery": None}).data["me"]


@pytest.mark.parametrize("text", ["{", "{ nope }", "{ me { id } } " * 900, "subscription { a }"])
def test_document_that_is_not_executed_is_not_stored(
    client: GraphQLClient, redis: Redis, text: str
) -> None:
    by_text = send(client, query=text)
    assert send_both(client, text) == by_text
    assert (len(persisted.AUTOMATIC), redis.dbsize()) == (0, 0)


def test_anonymous_documents_without_data_are_not_stored(
    redis: Redis, anonymous: GraphQLClient
) -> None:
    text = "{ users(first: 1) { edges { cursor } } }"
    assert send_both(anonymous, text).codes == ["UNAUTHENTICATED"]
    assert (len(persisted.AUTOMATIC), redis.dbsize()) == (0, 0)


def test_document_is_found_for_other_clients(
    client: GraphQLClient, anonymous: GraphQLClient
) -> None:
    send_both(client, ME)
    assert send_hash(anonymous, ME).data == {"me": None}


def test_mutations_are_persisted_too(client: GraphQLClient) -> None:
    text = 'mutation { updateProfile(input: {bio: "x"}) { errors { code } } }'
    assert send_both(client, text).problems == []
    assert send_hash(client, text).problems == []
    assert client.http.get(url_of(text)).status_code == 405


def test_automatic_queries_are_no_trusted_documents(client: GraphQLClient) -> None:
    send_both(client, ME)
    assert send(client, documentId=f"sha256:{digest_of(ME)}").codes == ["DOCUMENT_NOT_FOUND"]


def test_trusted_documents_are_found_by_the_extension(client: GraphQLClient) -> None:
    trust_text(ME, "of-a-manifest")
    for key in ("of-a-manifest", digest_of(ME)):
        assert send(client, extensions=apq(key)).data["me"]["username"] == "alice"


def test_without_a_store_clients_are_asked_for_the_text(
    client: GraphQLClient, settings: Any
) -> None:
    settings.SHARED_CACHE_SECONDS = 0
    for _time in range(2):
        assert send_hash(client, ME).body == {"errors": [NOT_SUPPORTED]}
        assert send_both(client, ME).data["me"]
    assert len(persisted.AUTOMATIC) == 0


def test_flood_leaves_bounded_memory_and_a_bounded_store(redis: Redis) -> None:
    for number in range(100_000):
        text = f"{{ __typename }} # {number:0>600}"
        persisted.store_automatic(digest_of(text), text)
    assert persisted.AUTOMATIC.size <= persisted.MAX_AUTOMATIC_BYTES
    assert 1_000 < len(persisted.AUTOMATIC) < 100_000
    names = redis.keys("*")
    # A minute's worth at most, besides what leaked from the bucket meanwhile.
    assert 1_000 < len(names) < 10_000
    assert all(0 < redis.ttl(name) <= 600 for name in names)


def test_concurrent_clients_store_and_find(redis: Redis, transactional_db: None) -> None:
    texts = [f"{{ __typename a{number}: __typename }}" for number in range(5)]

    def use(number: int) -> list[Any]:
        client = GraphQLClient()
        found = []
        for text in texts[number % 5 :] + texts[: number % 5]:
            answer = send_hash(client, text)
            if answer.codes:
                assert answer.body == {"errors": [NOT_FOUND]}
                answer = send_both(client, text)
            found.append((text, answer.data))
        return found

    for found in run_concurrently(*[lambda number=number: use(number) for number in range(8)]):
        for text, data in found:
            assert data == {"__typename": "Query", text.split()[2].rstrip(":"): "Query"}
    assert len(persisted.AUTOMATIC) == redis.dbsize() == 5


def test_stored_value_is_sealed(client: GraphQLClient, redis: Redis) -> None:
    send_both(client, ME)
    entry = redis.get(stored_name(ME))
    assert isinstance(entry, bytes)
    assert b"username" not in entry
    assert SharedCache().get(persisted._shared_key(digest_of(ME))) == ME.encode()  # noqa: SLF001


def test_look_ups_are_counted_by_their_result(client: GraphQLClient) -> None:
    def counts() -> list[float]:
        results = ("absent", "memory", "shared", "trusted")
        return [count("persisted_documents", result=each) for each in results]

    before = counts()
    send_hash(client, ME)
    send_both(client, ME)
    send_hash(client, ME)
    persisted.AUTOMATIC.clear()
    send_hash(client, ME)
    send(client, documentId=trust_text("{ __typename }"))
    assert [now - was for now, was in zip(counts(), before, strict=True)] == [1, 1, 1, 1]
