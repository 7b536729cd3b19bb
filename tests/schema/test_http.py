"""GraphQL over HTTP: accepted and rejected requests, and their status."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.support.client import JSON, Answer, GraphQLClient
from tests.support.factories import PASSWORD
from tests.support.logs import written_lines
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import Session

pytestmark = pytest.mark.usefixtures("path")

GRAPHQL_JSON = "application/graphql-response+json"
ME = "{ me { username } }"
LOG_OUT = "mutation { logOut { errors { code } } }"
LOG_IN = """
    mutation ($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password}) { errors { code } }
    }
"""
USERS = "query ($first: Int) { users(first: $first) { edges { cursor } } }"
ANALYTICS = "query ($day: Date!) { analytics(from: $day, to: $day) { date } }"
USER = "query ($id: ID!) { user(id: $id) { id } }"


def body(query: Any, **parameters: Any) -> str:
    return json.dumps({"query": query, **parameters})


# Bodies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        "{",
        "null",
        "1",
        '"{ me { id } }"',
        "[]",
        "[" + body(ME) + "]",
        b'{"query": "{ me { \xff } }"}',
        b'\xef\xbb\xbf{"query": "{ me { id } }"}',
        "[" * 50_000,
        '{"query": ' + "[" * 49_000 + "]" * 49_000 + "}",
        '{"query": "{ me { id } }", "operationName": "\\ud800"}',
        b'{"query": "{ me { id } }", "operationName": "\xed\xa0\x80"}',
        '{"query": "{ me { id } }", "variables": {"first": ' + "9" * 5_000 + "}}",
        '{"query": "{ me { id } }", "variables": {"first": NaN}}',
        "{}",
        body(None),
        body(""),
        body(1),
        body(ME, variables=[]),
        body(ME, variables="{}"),
        body(ME, operationName=1),
        body(ME, extensions=[]),
    ],
    ids=lambda sent: repr(sent[:60]),
)
def test_body_that_holds_no_operation_is_a_bad_request(
    anonymous: GraphQLClient, sent: str | bytes
) -> None:
    answer = anonymous.post(sent)
    assert answer.status == 400
    assert answer.codes == ["BAD_REQUEST"]
    assert "data" not in answer.body


def test_nulls_stand_for_parameters_left_out(anonymous: GraphQLClient) -> None:
    answer = anonymous.post(body(ME, variables=None, operationName=None, extensions=None))
    assert answer.data == {"me": None}


def test_body_may_have_exactly_as_many_bytes_as_the_limit(
    anonymous: GraphQLClient, settings: Any
) -> None:
    longest = body(ME).ljust(settings.GRAPHQL_MAX_BODY_BYTES)
    assert anonymous.post(longest).data == {"me": None}
    answer = anonymous.post(longest + " ")
    assert (answer.status, answer.codes) == (413, ["BODY_TOO_LARGE"])


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF8",
        'application/json; charset="utf-8"',
    ],
)
def test_json_in_utf_8_is_read(anonymous: GraphQLClient, content_type: str) -> None:
    assert anonymous.post(body(ME), content_type).data == {"me": None}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=nonsense",
    ],
)
def test_other_content_types_are_refused(anonymous: GraphQLClient, content_type: str) -> None:
    answer = anonymous.post(body(ME), content_type)
    assert (answer.status, answer.codes) == (415, ["BAD_REQUEST"])


def test_content_type_is_required(anonymous: GraphQLClient) -> None:
    response = anonymous.http.generic("POST", "/graphql", "", content_type="")
    assert response.status_code == 415


# Answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {JSON}; charset=utf-8;q=0.9", GRAPHQL_JSON),
        (f"{JSON}; charset=utf-8", JSON),
        (f"{JSON};q=0.5, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL_JSON}, application/graphql+json, {JSON};q=0.9, */*;q=0.1", GRAPHQL_JSON),
        ("text/html, */*;q=0.1", JSON),
    ],
)
def test_accept_chooses_the_media_type(
    anonymous: GraphQLClient, accept: str | None, media_type: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = anonymous.post(body(ME), **headers)
    assert answer.data == {"me": None}
    assert answer.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    vary = answer.headers["Vary"].split(", ")
    assert {"Accept", "Accept-Language", "Authorization", "Cookie"} <= set(vary)


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "nonsense", f"{JSON};q=0", "application/json;v=2"]
)
def test_unacceptable_media_types_are_not_executed(alice: User, accept: str) -> None:
    client = Client()
    variables = {"login": "alice", "password": PASSWORD}
    response = client.post(
        "/graphql",
        body(LOG_IN, variables=variables),
        content_type=JSON,
        headers={"Accept": accept},
    )
    assert response.status_code == 406
    assert response["Content-Type"] == "text/plain"
    assert not Session.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (body("{"), "GRAPHQL_PARSE_FAILED"),
        (body("  "), "GRAPHQL_PARSE_FAILED"),
        (body("# only a comment"), "GRAPHQL_PARSE_FAILED"),
        (body("{ me { id } \0 }"), "GRAPHQL_PARSE_FAILED"),
        (body(r'{ user(id: "\ud800") { id } }'), "GRAPHQL_PARSE_FAILED"),
        (body("{ nope }"), "GRAPHQL_VALIDATION_FAILED"),
        (body("{ user(id: null) { id } }"), "GRAPHQL_VALIDATION_FAILED"),
        (body("{ user { id } }"), "GRAPHQL_VALIDATION_FAILED"),
        (
            body(f"{{ users(first: {'9' * 5_000}) {{ edges {{ cursor }} }} }}"),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            body('{ analytics(from: "soon", to: "2026-01-01") { date } }'),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (body(ANALYTICS, variables={"day": "soon"}), "GRAPHQL_VARIABLES_INVALID"),
        (body(USERS, variables={"first": "many"}), "GRAPHQL_VARIABLES_INVALID"),
        (body(USERS, variables={"first": 1.5}), "GRAPHQL_VARIABLES_INVALID"),
        (body(USERS, variables={"first": 2**31}), "GRAPHQL_VARIABLES_INVALID"),
        (body(USERS, variables={"first": [1]}), "GRAPHQL_VARIABLES_INVALID"),
        (body(USER, variables={"id": {}}), "GRAPHQL_VARIABLES_INVALID"),
        (body(USER, variables={"id": None}), "GRAPHQL_VARIABLES_INVALID"),
        (body(USER), "GRAPHQL_VARIABLES_INVALID"),
        (body("query A { me { id } }", operationName="B"), "BAD_REQUEST"),
        (body("query A { me { id } } query B { me { id } }"), "BAD_REQUEST"),
        (body("{ me { id } } query B { me { id } }"), "BAD_REQUEST"),
        (body("fragment F on User { id }"), "BAD_REQUEST"),
        (body("type A { a: Int }"), "BAD_REQUEST"),
    ],
    ids=lambda value: value[:70],
)
def test_request_error_is_200_for_json_and_400_for_graphql_json(
    anonymous: GraphQLClient, sent: str, code: str
) -> None:
    for media_type, status in ((JSON, 200), (GRAPHQL_JSON, 400)):
        answer = anonymous.post(sent, Accept=media_type)
        assert answer.status == status
        assert answer.codes == [code]
        assert "data" not in answer.body


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_JSON])
def test_error_in_a_field_is_200_with_data(anonymous: GraphQLClient, media_type: str) -> None:
    answer = anonymous.post(body("{ users(first: 1) { edges { cursor } } }"), Accept=media_type)
    assert (answer.status, answer.codes) == (200, ["UNAUTHENTICATED"])
    assert answer.body["data"] is None


def test_operation_is_chosen_by_name(anonymous: GraphQLClient) -> None:
    document = "query A { a: me { id } } query B { b: me { id } }"
    assert anonymous.post(body(document, operationName="A")).data == {"a": None}
    assert anonymous.post(body(document, operationName="B")).data == {"b": None}


def test_fault_is_masked_and_logged(
    client_of: Callable[[User], GraphQLClient], alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(alice)
    with connection.cursor() as cursor:
        # Shadows the real table, without its columns.
        cursor.execute("CREATE TEMPORARY TABLE organizations_organization ()")
    identifier = base64.b64encode(f"Organization:{alice.pk}".encode()).decode()
    query = "query ($id: ID!) { organization(id: $id) { name } }"
    sent = body(query, variables={"id": identifier})
    headers = {"Authorization": f"Bearer {client.token}"}
    response = client.http.post("/graphql", sent, JSON, headers=headers)
    answer = Answer(response.status_code, response.json())
    assert (answer.status, answer.codes) == (200, ["INTERNAL_ERROR"])
    (error,) = answer.body["errors"]
    assert error["path"] == ["organization"]
    assert error["extensions"]["requestId"] == response["X-Request-ID"]
    assert answer.body["data"] == {"organization": None}
    assert error["message"] == "Something went wrong on our side."
    assert "organizations_organization" not in json.dumps(answer.body)
    (record,) = [record for record in caplog.records if record.name == "schema.errors"]
    assert record.levelname == "ERROR"
    assert "organizations_organization" in caplog.text
    assert '"path":"organization"' in written_lines(caplog).replace(" ", "")


# Methods ---------------------------------------------------------------------------------


def get(client: GraphQLClient, accept: str = JSON, **parameters: str) -> Any:
    return client.http.get("/graphql", parameters, headers={"Accept": accept})


def test_query_may_come_in_the_url(anonymous: GraphQLClient) -> None:
    response = get(
        anonymous,
        query="query A($id: ID!) { user(id: $id) { id } } query B { me { id } }",
        variables='{"id": "x"}',
        operationName="A",
    )
    assert (response.status_code, response.json()) == (200, {"data": {"user": None}})
    assert get(anonymous, query=ME, variables="", operationName="").json() == {"data": {"me": None}}


@pytest.mark.parametrize(
    "parameters",
    [{}, {"query": ""}, {"query": ME, "variables": "{"}, {"query": ME, "extensions": "1"}],
)
def test_url_that_holds_no_query_is_a_bad_request(
    anonymous: GraphQLClient, parameters: dict[str, str]
) -> None:
    response = get(anonymous, **parameters)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


def test_mutation_by_get_is_refused(
    alice: User, client_of: Callable[[User], GraphQLClient]
) -> None:
    client = client_of(alice)
    response = client.http.get(
        "/graphql", {"query": LOG_OUT}, headers={"Authorization": f"Bearer {client.token}"}
    )
    assert (response.status_code, response["Allow"]) == (405, "POST")
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
    assert error["message"] == "Send mutations by POST."
    assert Session.objects.filter(user=alice).count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_subscription_is_refused(anonymous: GraphQLClient, method: str) -> None:
    data = {"query": "subscription { me { id } }"}
    sent = {"data": data, "content_type": JSON} if method == "post" else {"data": data}
    response = getattr(anonymous.http, method)("/graphql", **sent)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "Subscriptions are not supported."


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_refused(anonymous: GraphQLClient, method: str) -> None:
    response = anonymous.http.generic(method, "/graphql", body(ME), content_type=JSON)
    assert (response.status_code, response["Allow"]) == (405, "GET, POST, OPTIONS")


def test_options_tell_the_methods(anonymous: GraphQLClient) -> None:
    response = anonymous.http.options("/graphql")
    assert (response.status_code, response["Allow"]) == (200, "GET, POST, OPTIONS")
    assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_browser_gets_the_console(anonymous: GraphQLClient, settings: Any) -> None:
    response = get(anonymous, accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self';" in response["Content-Security-Policy"]
    assert b"<title>Roster console</title>" in response.content
    assert settings.DEMO_PASSWORD.encode() not in response.content
