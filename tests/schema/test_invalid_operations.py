"""Invalid operations: both executors return identical responses over HTTP."""

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

import pytest

from engine.plan.selection import NotPlannableError
from schema.documents import limits
from schema.http import execution
from tests.schema.test_http import GRAPHQL_JSON
from tests.support.client import JSON, GraphQLClient
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

PARSE, VALIDATION = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"
VARIABLES, BAD_REQUEST = "GRAPHQL_VARIABLES_INVALID", "BAD_REQUEST"

# By section of the GraphQL specification.
DOCUMENTS: Final[list[tuple[str, str]]] = [
    # 2: Language.
    ("{", PARSE),
    ("{ me { id }", PARSE),
    ("{ me { id } } }", PARSE),
    ("query () { me { id } }", PARSE),
    ("{ user(id: ) { id } }", PARSE),
    ('{ user(id: "x) { id } }', PARSE),
    ('{ user(id: "\\ud800") { id } }', PARSE),
    ("{ users(first: 01) { nodes { id } } }", PARSE),
    ("{ users(first: 1a) { nodes { id } } }", PARSE),
    ("{ me { id } } fragment on on User { id }", PARSE),
    ("{ me { ... on } }", PARSE),
    ("query ($n: Int = $m) { users(first: $n) { nodes { id } } }", PARSE),
    ("{ me { id ? } }", PARSE),
    ("# nothing", PARSE),
    ("   ", PARSE),
    # 5.1: Documents.
    ("type Query { me: Int }", BAD_REQUEST),
    ("{ me { id } } type User { id: ID }", VALIDATION),
    ("{ me { id } } extend type User { x: Int }", VALIDATION),
    # 5.2: Operations.
    ("query A { me { id } } query A { me { name } }", BAD_REQUEST),
    ("{ me { id } } query A { me { id } }", BAD_REQUEST),
    # 5.3: Fields.
    ("{ nope }", VALIDATION),
    ("{ me { nope } }", VALIDATION),
    ("{ me { usernme } }", VALIDATION),
    ("{ users(first: 1) { nodes { id } ... { nope } } }", VALIDATION),
    ("{ me }", VALIDATION),
    ("{ me { id { x } } }", VALIDATION),
    ("{ me { a: id a: name } }", VALIDATION),
    ("{ users(first: 1) { nodes { id } } users(first: 2) { nodes { id } } }", VALIDATION),
    ('{ node(id: "x") { username } }', VALIDATION),
    # 5.4: Arguments.
    ("{ user { id } }", VALIDATION),
    ("{ user(id: null) { id } }", VALIDATION),
    ('{ user(id: "x", name: "y") { id } }', VALIDATION),
    ('{ user(id: "x", id: "y") { id } }', VALIDATION),
    ("{ me(x: 1) { id } }", VALIDATION),
    # 5.5: Fragments.
    ("{ me { ...F } }", VALIDATION),
    ("{ me { id } } fragment F on User { id }", VALIDATION),
    ("{ me { ...F } } fragment F on User { id } fragment F on User { name }", VALIDATION),
    ("{ me { ...F } } fragment F on User { ...F }", VALIDATION),
    ("{ me { ...F } } fragment F on Nothing { id }", VALIDATION),
    ("{ me { ...F } } fragment F on Role { id }", VALIDATION),
    ("{ me { ...F } } fragment F on Group { id }", VALIDATION),
    ("{ me { ... on Group { id } } }", VALIDATION),
    # 5.6: Values.
    ("{ users(first: 1.5) { nodes { id } } }", VALIDATION),
    ('{ users(first: "1") { nodes { id } } }', VALIDATION),
    ("{ users(first: 2147483648) { nodes { id } } }", VALIDATION),
    ("{ users(first: true) { nodes { id } } }", VALIDATION),
    ("{ users(first: 1, search: 1) { nodes { id } } }", VALIDATION),
    ("{ users(first: 1, search: [x]) { nodes { id } } }", VALIDATION),
    ("{ user(id: 1.5) { id } }", VALIDATION),
    ("{ users(first: 1, orderBy: {field: NOPE}) { nodes { id } } }", VALIDATION),
    ('{ users(first: 1, orderBy: {field: "NAME"}) { nodes { id } } }', VALIDATION),
    ("{ users(first: 1, filter: {nope: 1}) { nodes { id } } }", VALIDATION),
    ("{ users(first: 1, filter: {isActive: 1}) { nodes { id } } }", VALIDATION),
    ("{ users(first: 1, filter: {and: [null]}) { nodes { id } } }", VALIDATION),
    ("{ users(first: 1, filter: {isActive: true, isActive: true}) { nodes { id } } }", VALIDATION),
    ('{ analytics(from: "2026-02-30", to: "2026-03-01") { date } }', VALIDATION),
    ('{ analytics(from: "2026-W10-1", to: "2026-03-09") { date } }', VALIDATION),
    ('{ analytics(from: "2026-03-02", to: "20260309") { date } }', VALIDATION),
    ('{ events(first: 1, filter: {since: "today"}) { nodes { id } } }', VALIDATION),
    ('{ events(first: 1, filter: {since: "2026-W10-1T00:00:00Z"}) { nodes { id } } }', VALIDATION),
    ('{ events(first: 1, filter: {since: "2026-03-02T00:00Z"}) { nodes { id } } }', VALIDATION),
    # 5.7: Directives.
    ("{ me { id @nope } }", VALIDATION),
    ("{ me { id @skip } }", VALIDATION),
    ('{ me { id @skip(if: "true") } }', VALIDATION),
    ("{ me { id @skip(if: true) @skip(if: true) } }", VALIDATION),
    ("query @skip(if: true) { me { id } }", VALIDATION),
    ("{ me { id @deprecated } }", VALIDATION),
    # 5.8: Variables.
    ("query ($a: Int, $a: Int) { users(first: $a) { nodes { id } } }", VALIDATION),
    ("query ($a: User) { me { id @skip(if: $a) } }", VALIDATION),
    ("query ($a: Nothing) { me { id } }", VALIDATION),
    ("{ users(first: $a) { nodes { id } } }", VALIDATION),
    ("query ($a: Int) { me { id } }", VALIDATION),
    ("query ($a: String) { users(first: $a) { nodes { id } } }", VALIDATION),
    ("query ($a: ID) { user(id: $a) { id } }", VALIDATION),
    ("query ($a: [Int]) { users(first: $a) { nodes { id } } }", VALIDATION),
    ('query ($a: Int = "1") { users(first: $a) { nodes { id } } }', VALIDATION),
    ("query ($a: Int! = null) { users(first: $a) { nodes { id } } }", VALIDATION),
    ("{ me { ...F } } fragment F on User { id @skip(if: $a) }", VALIDATION),
    # 6.1: Selection of the operation.
    ("query A { me { id } } query B { me { id } }", BAD_REQUEST),
    ("fragment F on User { id }", BAD_REQUEST),
    # Limits.
    ("#\n" * limits.MAX_TOKENS + "{ __typename }", "TOKENS_EXCEEDED"),
    ("{ a " + "[" * limits.MAX_NESTING, "DEPTH_EXCEEDED"),
    ("{ me " * 16 + "}" * 16, "DEPTH_EXCEEDED"),
    (f"{{ me {{ {' '.join(f'a{n}: id' for n in range(31))} }} }}", "ALIASES_EXCEEDED"),
    ("{ " + "__typename " * 11 + "}", "ROOT_FIELDS_EXCEEDED"),
    ("{ me { " + "id @skip(if: false) " * 21 + "} }", "DIRECTIVES_EXCEEDED"),
    (
        """{ users(first: 100) { nodes { memberships(first: 100) { nodes { organization {
             members(first: 100) { nodes { role } } } } } } } }""",
        "PAGE_SIZES_EXCEEDED",
    ),
]

USER = "query ($id: ID!) { user(id: $id) { id } }"
USERS = """
    query ($first: Int = 1, $filter: UserFilter, $by: UserOrder, $search: String) {
      users(first: $first, filter: $filter, orderBy: $by, search: $search) { nodes { id } }
    }
"""
GIVEN: Final[list[tuple[str, Any]]] = [
    (USER, None),
    (USER, {}),
    (USER, {"ID": "x"}),
    (USER, {"id": None}),
    (USER, {"id": 1.5}),
    (USER, {"id": True}),
    (USER, {"id": ["x"]}),
    (USER, {"id": {"id": "x"}}),
    (USERS, {"first": "1"}),
    (USERS, {"first": 1.5}),
    (USERS, {"first": True}),
    (USERS, {"first": 2**31}),
    (USERS, {"first": -(2**31) - 1}),
    (USERS, {"first": 1e100}),
    (USERS, {"first": [1]}),
    (USERS, {"search": 1}),
    (USERS, {"search": ["x"]}),
    (USERS, {"search": {"x": "\u2028"}}),
    (USERS, {"filter": "x"}),
    (USERS, {"filter": [1]}),
    (USERS, {"filter": {"nope": 1}}),
    (USERS, {"filter": {"isActiv": True}}),
    (USERS, {"filter": {"isActive": "true"}}),
    (USERS, {"filter": {"and": [{"isActive": True}, None]}}),
    (USERS, {"filter": {"and": [{"or": [{"not": {"isStaff": 0}}]}]}}),
    (USERS, {"filter": {"membership": {"role": "NOPE"}}}),
    (USERS, {"filter": {"joined": {"since": "yesterday"}}}),
    (USERS, {"by": {"field": "NOPE"}}),
    (USERS, {"by": {"field": None}}),
    (USERS, {"by": {"field": 1, "direction": "DOWN"}}),
    # Several at once, in the order of their definitions.
    (USERS, {"by": 1, "search": 1, "filter": 1, "first": "x"}),
    ("query ($if: Boolean!) { me { id @skip(if: $if) } }", {}),
    ("query ($if: Boolean!) { me { id @include(if: $if) } }", {"if": "true"}),
    ("query ($if: Boolean!) { me @skip(if: $if) { id } }", {"if": 0}),
    ("query ($day: Date!) { analytics(from: $day, to: $day) { date } }", {"day": "2026-02-30"}),
    ("query ($day: Date!) { analytics(from: $day, to: $day) { date } }", {"day": 20260101}),
    ("query ($day: Date!) { analytics(from: $day, to: $day) { date } }", {"day": "20260101"}),
    ("mutation ($input: LogInInput!) { logIn(input: $input) { errors { code } } }", {}),
    (
        "mutation ($input: LogInInput!) { logIn(input: $input) { errors { code } } }",
        {"input": {"login": "alice"}},
    ),
    (
        "mutation ($input: LogInInput!) { logIn(input: $input) { errors { code } } }",
        {"input": {"login": "alice", "password": None, "transport": "PIGEON", "otp": 1}},
    ),
]


def sent(
    client: GraphQLClient, accept: str, **parameters: Any
) -> tuple[int, dict[str, str], bytes]:
    """Return the whole response, except the unique `X-Request-ID`."""
    headers = {"Authorization": f"Bearer {client.token}", "Accept": accept}
    body = json.dumps(parameters)
    response = client.http.generic("POST", "/graphql", body, JSON, headers=headers)
    response_headers = {
        name: value for name, value in response.headers.items() if name != "X-Request-ID"
    }
    return response.status_code, response_headers, response.content


@pytest.fixture
def ask_both(
    client_of: ClientOf, alice: User, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[tuple[int, Any]]]:
    """Return a function that sends a request to both executors, with either media type."""
    client = client_of(alice)

    def refuse(*_arguments: Any) -> NoReturn:
        raise NotPlannableError

    def ask(**parameters: Any) -> list[tuple[int, Any]]:
        responses = []
        for accept in (JSON, GRAPHQL_JSON):
            by_engine = sent(client, accept, **parameters)
            with monkeypatch.context() as patch:
                patch.setattr(execution, "prepare", refuse)
                by_graphql_core = sent(client, accept, **parameters)
            assert by_engine == by_graphql_core
            status, _headers, content = by_engine
            responses.append((status, json.loads(content)))
        return responses

    return ask


def codes_of(answer: Any) -> set[str]:
    return {error["extensions"]["code"] for error in answer["errors"]}


def check(responses: list[tuple[int, Any]], code: str) -> None:
    """Check that nothing was executed; the status depends on the media type."""
    assert [status for status, _answer in responses] == [200, 400]
    for _status, answer in responses:
        assert answer.keys() == {"errors"}
        assert codes_of(answer) == {code}


@pytest.mark.parametrize(("document", "code"), DOCUMENTS, ids=lambda value: repr(value)[:70])
def test_invalid_documents_are_refused_alike(ask_both: Any, document: str, code: str) -> None:
    # The second request uses the cached errors.
    for _time in range(2):
        check(ask_both(query=document), code)


@pytest.mark.parametrize(("document", "variables"), GIVEN, ids=lambda value: repr(value)[:70])
def test_invalid_variables_are_refused_alike(ask_both: Any, document: str, variables: Any) -> None:
    check(ask_both(query=document, variables=variables), VARIABLES)


@pytest.mark.parametrize("name", ["C", "a", "", "__typename"])
def test_unknown_operations_are_refused_alike(ask_both: Any, name: str) -> None:
    document = "query A { me { id } } query B { me { id } }"
    check(ask_both(query=document, operationName=name), BAD_REQUEST)


def test_subscriptions_are_refused_alike(ask_both: Any) -> None:
    responses = ask_both(query="subscription { me { id } }")
    assert [(status, codes_of(answer)) for status, answer in responses] == [
        (400, {BAD_REQUEST})
    ] * 2


@pytest.mark.parametrize(
    ("document", "variables", "code"),
    [
        ("{ users { nodes { id } } me { id } }", {}, "ARGUMENT_INVALID"),
        ("{ users(first: 0) { nodes { id } } me { id } }", {}, "ARGUMENT_INVALID"),
        ("{ users(first: 1, last: 1) { nodes { id } } }", {}, "ARGUMENT_INVALID"),
        (USERS, {"first": 101}, "ARGUMENT_INVALID"),
        (USERS, {"first": None}, "ARGUMENT_INVALID"),
        ('{ users(first: 1, after: "x") { nodes { id } } }', {}, "CURSOR_INVALID"),
        ("query ($if: Boolean = true) { me @skip(if: $if) { id } }", {"if": None}, VARIABLES),
        ("{ groups(first: 1) { nodes { id } } me { id } }", {}, "FORBIDDEN"),
    ],
)
def test_execution_errors_are_reported_alike(
    ask_both: Any, document: str, variables: Any, code: str
) -> None:
    for _status, answer in ask_both(query=document, variables=variables):
        assert codes_of(answer) == {code}, answer
