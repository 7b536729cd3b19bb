"""Trusted documents by `documentId`, by POST and by GET."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from schema.console.documents import CONSOLE_DOCUMENT_IDS
from schema.http.answers.repeated import RECHECK_SECONDS
from schema.trusted import lookup
from schema.trusted.identifiers import digest_of
from schema.trusted.manifests import Entry
from schema.trusted.services import trust, withdraw
from tests.support.captured import Statements
from tests.support.client import JSON, Answer, GraphQLClient
from tests.support.persisted import apq, send, trust_text
from users.accounts.models import User
from users.authentication.models import Session

pytestmark = pytest.mark.usefixtures("path", "no_persisted_documents", "no_cached_answers")

GRAPHQL_JSON: Final = "application/graphql-response+json"
ME: Final = "query Me { me { id name username } }"
TWO: Final = (
    "query A { a: me { id } } query B($bio: Boolean!) { me { profile @include(if: $bio) { bio } } }"
)
LOG_OUT: Final = "mutation { logOut { errors { code } } }"
INVALID: Final = "{ me { nope } }"
UNKNOWN: Final = digest_of("unknown")


@pytest.fixture
def client(alice: User, client_of: Callable[[User], GraphQLClient]) -> GraphQLClient:
    return client_of(alice)


def get(client: GraphQLClient, headers: dict[str, str] | None = None, **parameters: str) -> Any:
    sent = {"Accept": GRAPHQL_JSON} | (headers or {})
    if client.token:
        sent["Authorization"] = f"Bearer {client.token}"
    return client.http.get(f"/graphql?{urlencode(parameters)}", headers=sent)


@pytest.mark.parametrize("document_id", ["5a8d", "Me", "x-app:me-1", "a" * 200, "~._-", None])
def test_document_is_found_by_its_id(client: GraphQLClient, document_id: str | None) -> None:
    answer = send(client, documentId=trust_text(ME, document_id))
    assert answer.data["me"]["username"] == "alice"


def test_sha_256_finds_documents_with_and_without_prefix(client: GraphQLClient) -> None:
    trust_text(ME, "by-another-id")
    for document_id in (digest_of(ME), f"sha256:{digest_of(ME)}"):
        assert send(client, documentId=document_id).data["me"]["username"] == "alice"


def test_other_parameters_are_those_of_the_document(client: GraphQLClient) -> None:
    document_id = trust_text(TWO)
    assert set(send(client, documentId=document_id, operationName="A").data) == {"a"}
    found = send(client, documentId=document_id, operationName="B", variables={"bio": True})
    assert found.data == {"me": {"profile": {"bio": ""}}}
    assert send(client, documentId=document_id).codes == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    "text", [ME, TWO, LOG_OUT.replace("logOut", "nope"), INVALID, "{ __typename }"]
)
def test_answers_are_the_same_bytes_by_id_and_by_text(client: GraphQLClient, text: str) -> None:
    document_id = trust_text(text)
    for media_type in (JSON, GRAPHQL_JSON):
        by_id, by_text = (
            send(client, {"Accept": media_type}, **{name: value}, operationName="")
            for name, value in (("documentId", document_id), ("query", text))
        )
        assert by_id == by_text
        found = [
            get(client, {"Accept": media_type}, **{name: value})
            for name, value in (("documentId", document_id), ("query", text))
        ]
        assert found[0].content == found[1].content
        assert found[0].status_code == found[1].status_code


@pytest.mark.parametrize(("media_type", "status"), [(JSON, 200), (GRAPHQL_JSON, 400)])
def test_unknown_id_says_what_to_do(anonymous: GraphQLClient, media_type: str, status: int) -> None:
    answer = send(anonymous, {"Accept": media_type}, documentId=UNKNOWN)
    assert (answer.status, answer.codes) == (status, ["DOCUMENT_NOT_FOUND"])
    assert "trust_documents" in answer.body["errors"][0]["message"]
    assert "data" not in answer.body
    response = get(anonymous, {"Accept": media_type}, documentId=UNKNOWN)
    assert (response.status_code, response.json()) == (status, answer.body)
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "document_id",
    ["", 1, True, [], {}, "a" * 201, "a b", "a/b", "ä", "a:b:c", ":a", "a:", "\0", "a\n", "%00"],
    ids=repr,
)
def test_ids_have_a_bounded_length_and_few_characters(
    anonymous: GraphQLClient, document_id: Any
) -> None:
    answer = send(anonymous, documentId=document_id)
    assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": ME},
        {"query": ""},
        {"extensions": apq(digest_of(ME))},
        {"variables": []},
        {"operationName": 1},
        {"extensions": []},
    ],
    ids=repr,
)
def test_id_excludes_other_documents(client: GraphQLClient, parameters: dict[str, Any]) -> None:
    answer = send(client, documentId=trust_text(ME), **parameters)
    assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])


def test_nulls_stand_for_parameters_left_out(client: GraphQLClient) -> None:
    nulls = {"query": None, "variables": None, "operationName": None, "extensions": None}
    assert send(client, documentId=trust_text(ME), **nulls).data["me"]
    assert send(client, query=ME, documentId=None, extensions={"other": 1}).data["me"]


@pytest.mark.django_db(transaction=True)
def test_answers_by_get_are_revalidated(client: GraphQLClient) -> None:
    document_id = trust_text(ME)
    first = get(client, documentId=document_id)
    assert first["Cache-Control"] == "private, no-cache"
    assert first["ETag"] == get(client, query=ME)["ETag"]
    again = get(client, {"If-None-Match": first["ETag"]}, documentId=document_id)
    assert (again.status_code, again.content) == (304, b"")


def test_mutation_by_get_is_refused(client: GraphQLClient, alice: User) -> None:
    response = get(client, documentId=trust_text(LOG_OUT))
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert Session.objects.filter(user=alice).count() == 1


def test_browser_that_navigates_to_an_id_gets_no_console(anonymous: GraphQLClient) -> None:
    for name in ("documentId", "extensions", "%64ocumentId"):
        response = anonymous.http.get(f"/graphql?{name}=x", headers={"Accept": "text/html"})
        assert response.status_code == 406
    response = anonymous.http.get("/graphql?documentIds=x", headers={"Accept": "text/html"})
    assert response.status_code == 200


def test_id_in_a_form(alice: User, client: GraphQLClient) -> None:
    document_id = trust_text(ME)
    sent = f'{{"documentId": "{document_id}"}}'.encode()
    answer = client.form(("operations", sent), ("map", b"{}"))
    assert answer.data["me"]["username"] == "alice"


def test_document_in_memory_needs_no_statement(
    client: GraphQLClient, statements: Callable[[], AbstractContextManager[Statements]]
) -> None:
    document_id = trust_text(ME)
    for expected in (1, 0):
        with statements() as captured:
            send(client, documentId=document_id)
        assert sum("trusted_trusteddocument" in each for each in captured) == expected


def test_withdrawn_document_is_unknown_after_a_while(
    client: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = trust_text(ME)
    assert send(client, documentId=document_id).data
    withdraw([Entry(document_id, ME)])
    assert send(client, documentId=document_id).data
    monkeypatch.setattr(lookup, "monotonic", lambda: lookup.SECONDS + 10**9)
    assert send(client, documentId=document_id).codes == ["DOCUMENT_NOT_FOUND"]


def test_repeats_of_withdrawn_documents_end_within_a_minute() -> None:
    # A document may be looked up just before it is withdrawn, and cached just before that ends.
    assert lookup.SECONDS + RECHECK_SECONDS <= 60


def test_newly_trusted_document_is_found_at_once(client: GraphQLClient) -> None:
    assert send(client, documentId=digest_of(ME)).codes == ["DOCUMENT_NOT_FOUND"]
    trust_text(ME)
    assert send(client, documentId=digest_of(ME)).data


@pytest.mark.django_db
def test_memory_of_trusted_documents_is_bounded() -> None:
    texts = [f"{{ __typename }} # {number:0>90000}" for number in range(200)]
    trust(Entry(digest_of(text), text) for text in texts)
    for text in texts:
        assert lookup.trusted_text(digest_of(text)) == text
    assert lookup.KNOWN.size <= lookup.MAX_BYTES
    assert 100 < len(lookup.KNOWN) < len(texts)


def test_invalid_token_decides_before_an_unknown_document(anonymous: GraphQLClient) -> None:
    headers = {"Authorization": "Bearer x.y.z"}
    public = trust_text("{ settings { signUp } }")
    assert send(anonymous, headers, documentId=public).status == 200
    for document_id in (trust_text(ME), UNKNOWN):
        assert send(anonymous, headers, documentId=document_id).status == 401


def test_documents_of_the_console_are_known(client: GraphQLClient) -> None:
    answer: Answer = send(client, documentId=CONSOLE_DOCUMENT_IDS["Identity"])
    assert answer.data["me"]["username"] == "alice"
