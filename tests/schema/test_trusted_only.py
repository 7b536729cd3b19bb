"""`DOCUMENTS=trusted`: who may execute documents that are not trusted."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from schema.console.documents import CONSOLE_DOCUMENT_IDS
from schema.http import persisted
from schema.http.introspection import INTROSPECTIONS as INTROSPECTED
from schema.trusted.identifiers import digest_of
from tests.schema.test_automatic_queries import NOT_FOUND
from tests.support.client import JSON, GraphQLClient
from tests.support.factories import PASSWORD, make_api_token, make_service, node_id
from tests.support.persisted import apq, send, send_both, send_hash, trust_text
from users.accounts.models import User
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token

pytestmark = pytest.mark.usefixtures("path", "no_persisted_documents", "no_cached_answers")

GRAPHQL_JSON: Final = "application/graphql-response+json"
ME: Final = "{ me { id username } }"
OTHER: Final = "{ me { id name } }"
REFUSED: Final = ["DOCUMENT_NOT_TRUSTED"]


@pytest.fixture
def trusted_only(no_cached_answers: None, settings: Any) -> None:
    settings.DOCUMENTS = settings.ANONYMOUS_DOCUMENTS = "trusted"
    settings.SHARED_CACHE_SECONDS = 600


@pytest.fixture
def client(alice: User, client_of: Callable[[User], GraphQLClient]) -> GraphQLClient:
    return client_of(alice)


@pytest.mark.usefixtures("trusted_only")
@pytest.mark.parametrize(("media_type", "status"), [(JSON, 200), (GRAPHQL_JSON, 400)])
def test_other_documents_are_refused(client: GraphQLClient, media_type: str, status: int) -> None:
    headers = {"Accept": media_type}
    for sent in (
        {"query": ME},
        {"query": ME, "extensions": apq(digest_of(ME))},
        {"extensions": apq(digest_of(ME))},
        {"query": "{"},
        {"query": "{ __schema { queryType { name } } }"},
        {"query": "mutation { logOut { errors { code } } } "},
    ):
        answer = send(client, headers, **sent)
        assert (answer.status, answer.codes) == (status, REFUSED), sent
        assert "trust_documents" in answer.body["errors"][0]["message"]
        assert "data" not in answer.body
    headers["Authorization"] = f"Bearer {client.token}"
    response = client.http.get(f"/graphql?{urlencode({'query': ME})}", headers=headers)
    assert (response.status_code, response.json()) == (status, answer.body)
    assert send(client, query="{ __schema { queryType { name } } }").codes == REFUSED
    assert len(persisted.AUTOMATIC) == 0


@pytest.mark.usefixtures("trusted_only")
def test_trusted_documents_are_executed_by_id_hash_and_text(client: GraphQLClient) -> None:
    document_id = trust_text(ME, "of-relay")
    for answer in (
        send(client, documentId=document_id),
        send_hash(client, ME),
        send_both(client, ME),
        send(client, query=ME),
    ):
        assert answer.data["me"]["username"] == "alice"
    # Not even a space more.
    assert send(client, query=f"{ME} ").codes == REFUSED
    assert send(client, documentId=digest_of(OTHER)).codes == ["DOCUMENT_NOT_FOUND"]


@pytest.mark.parametrize(
    ("signed_in", "anonymously"),
    [("any", "any"), ("any", "trusted"), ("trusted", "any"), ("trusted", "trusted")],
)
def test_each_setting_decides_for_its_clients(
    client: GraphQLClient,
    anonymous: GraphQLClient,
    settings: Any,
    signed_in: str,
    anonymously: str,
) -> None:
    settings.DOCUMENTS, settings.ANONYMOUS_DOCUMENTS = signed_in, anonymously
    for asked, allowed in ((client, signed_in), (anonymous, anonymously)):
        assert send(asked, query=ME).codes == ([] if allowed == "any" else REFUSED)


@pytest.mark.usefixtures("trusted_only")
def test_staff_and_tokens_with_a_scope_ask_freely(
    alice: User, sam: User, root: User, client_of: Callable[[User], GraphQLClient]
) -> None:
    service = make_service("robot")
    free = [
        client_of(sam),
        client_of(root),
        GraphQLClient(make_api_token(alice, "profile:read")),
        GraphQLClient(make_api_token(service, "users:read")),
    ]
    for client in free:
        assert send(client, query=ME).data["me"]
        assert send_both(client, OTHER).data["me"]
        assert send_hash(client, OTHER).data["me"]
        assert send(client, query="{ __schema { queryType { name } } }").data


@pytest.mark.usefixtures("trusted_only")
def test_impersonations_ask_as_their_user(root: User, alice: User) -> None:
    session = Session.objects.create(
        user=alice,
        impersonator=root,
        impersonation_reason="Asked for it",
        expires_at=timezone.now() + dt.timedelta(minutes=10),
    )
    client = GraphQLClient(issue_access_token(session))
    assert send(client, query=ME).codes == REFUSED
    trust_text(ME)
    assert send(client, query=ME).data["me"]["username"] == "alice"


@pytest.mark.usefixtures("trusted_only")
def test_automatic_queries_are_no_way_round(
    client: GraphQLClient, sam: User, client_of: Callable[[User], GraphQLClient]
) -> None:
    staff = client_of(sam)
    send_both(staff, OTHER)
    assert send_hash(staff, OTHER).data["me"]
    # Neither from this process's memory, nor from the store.
    for _time in range(2):
        assert send_hash(client, OTHER).codes == REFUSED
        assert send_both(client, OTHER).codes == REFUSED
        assert send(client, documentId=digest_of(OTHER)).codes == ["DOCUMENT_NOT_FOUND"]
        persisted.AUTOMATIC.clear()
    unknown = "{ me { id } }"
    assert send_hash(staff, unknown).body == {"errors": [NOT_FOUND]}


@pytest.mark.usefixtures("trusted_only")
def test_cached_answers_are_no_way_round(
    client: GraphQLClient, sam: User, client_of: Callable[[User], GraphQLClient], settings: Any
) -> None:
    settings.DOCUMENTS = "any"
    for _time in range(3):
        assert send(client, query=ME).data
    introspection = "{ __schema { queryType { name } } }"
    assert send(client_of(sam), query=introspection).data
    assert (introspection, None) in INTROSPECTED._values  # noqa: SLF001 - no public name
    settings.DOCUMENTS = "trusted"
    assert send(client, query=ME).codes == REFUSED
    assert send(client, query=introspection).codes == REFUSED


@pytest.mark.usefixtures("trusted_only")
def test_staff_sign_in_on_the_console(sam: User, anonymous: GraphQLClient) -> None:
    def ask(name: str, **variables: Any) -> Any:
        sent = {"documentId": CONSOLE_DOCUMENT_IDS[name], "variables": variables}
        headers = {"Accept": f"{GRAPHQL_JSON}, {JSON}"}
        return anonymous.http.post("/graphql", json.dumps(sent), JSON, headers=headers).json()

    assert ask("Identity") == {"data": {"me": None}}
    given = {"login": "sam", "password": PASSWORD, "transport": "COOKIE"}
    logged_in = ask("LogIn", input=given)["data"]["logIn"]
    assert (logged_in["user"]["username"], logged_in["accessToken"]) == ("sam", None)
    assert ask("Identity")["data"]["me"]["username"] == "sam"
    assert send(anonymous, query=OTHER).data["me"]
    assert ask("Ids")["data"]["me"]["id"] == node_id(sam)
    assert ask("LogOut")["data"]["logOut"]["errors"] == []
    assert send(anonymous, query=OTHER).codes == REFUSED


@pytest.mark.usefixtures("trusted_only")
def test_invalid_token_is_reported_first(anonymous: GraphQLClient) -> None:
    """The user whose token expired may ask for more than an anonymous client."""
    answer = send(anonymous, {"Authorization": "Bearer x.y.z"}, query=ME)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
