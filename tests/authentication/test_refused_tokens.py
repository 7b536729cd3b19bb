"""A bearer token that is not valid never stops what needs none.

Operations that are open to anonymous clients are executed as anonymous; all others are refused.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.utils import timezone

from core.security.crypto import digest
from schema.http.execution import ROOT_FIELDS
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD, make_api_token, make_session, make_token, make_user
from tests.support.pipelines import watched_pipelines
from tests.support.signing_in import (
    ALICE,
    LOG_IN,
    LOG_OUT,
    ME,
    REFRESH,
    log_in,
    log_in_by_cookie,
    tags,
)
from users.accounts.models import User
from users.activity.tags import Tag
from users.authentication.models import ApiToken, Session
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.sessions.lookups import credential_cache
from users.scopes import Scope

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"
SETTINGS: Final = "{ settings { username { minLength } } }"
INTROSPECTION: Final = "{ __schema { queryType { name } } }"
TYPENAME: Final = "{ __typename }"


def malformed(_alice: User, _settings: Any) -> str:
    return "a.b.c"


def expired(alice: User, settings: Any) -> str:
    ttl = settings.ACCESS_TOKEN_TTL
    settings.ACCESS_TOKEN_TTL = -ttl
    token = make_token(alice)
    settings.ACCESS_TOKEN_TTL = ttl
    return token


def ended(alice: User, _settings: Any) -> str:
    session = make_session(alice)
    token = issue_access_token(session)
    session.delete()
    return token


def suspended(_alice: User, _settings: Any) -> str:
    return make_token(make_user("dora", is_active=False))


def mistyped_api_token(alice: User, _settings: Any) -> str:
    return make_api_token(alice, Scope.USERS_READ) + "x"


def unknown_api_token(alice: User, _settings: Any) -> str:
    secret = make_api_token(alice, Scope.USERS_READ)
    ApiToken.objects.all().delete()
    return secret


def expired_api_token(alice: User, _settings: Any) -> str:
    secret = make_api_token(alice, Scope.USERS_READ)
    ApiToken.objects.filter(digest=digest(secret)).update(expires_at=timezone.now())
    return secret


TOKENS: Final = (
    malformed,
    expired,
    ended,
    suspended,
    mistyped_api_token,
    unknown_api_token,
    expired_api_token,
)


@pytest.fixture(params=TOKENS, ids=lambda make: make.__name__)
def refused(request: pytest.FixtureRequest, alice: User, settings: Any) -> GraphQLClient:
    make: Callable[[User, Any], str] = request.param
    return GraphQLClient(make(alice, settings))


def assert_refused(answer: Answer, media_type: str = JSON) -> None:
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert "data" not in answer.body
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("path")
def test_what_needs_no_token_is_executed_as_anonymous(refused: GraphQLClient) -> None:
    for document in (SETTINGS, INTROSPECTION, TYPENAME, "{ settings { unknown } }"):
        assert refused(document) == GraphQLClient()(document)
    assert refused(SETTINGS).data


@pytest.mark.usefixtures("path")
def test_client_signs_in_and_refreshes_in_spite_of_its_token(refused: GraphQLClient) -> None:
    login = refused(LOG_IN, login="alice", password=PASSWORD).data["logIn"]
    assert GraphQLClient(login["accessToken"])(ME).data == ALICE
    tokens = refused(REFRESH, token=login["refreshToken"]).data["refreshTokens"]
    assert tokens["errors"] == []
    assert GraphQLClient(tokens["accessToken"])(ME).data == ALICE


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_JSON])
def test_everything_else_is_refused(refused: GraphQLClient, media_type: str) -> None:
    bodies = [
        *("", "{", "[]", '{"query": "{"}', '{"query": "{ unknown }"}'),
        json.dumps({"query": ME}),
        json.dumps({"query": "{ settings { __typename } me { username } }"}),
        json.dumps({"query": "{ ...F } fragment F on Query { me { username } }"}),
        json.dumps({"query": "{ settings { __typename } me @skip(if: true) { id } }"}),
        json.dumps({"query": f"query A {SETTINGS} query B {ME}"}),
        json.dumps({"query": f"query A {SETTINGS}", "operationName": "B"}),
    ]
    for body in bodies:
        assert_refused(refused.post(body, Accept=media_type), media_type)
    body = json.dumps({"query": f"query A {SETTINGS} query B {ME}", "operationName": "A"})
    assert refused.post(body, Accept=media_type).status == 200


@pytest.mark.usefixtures("path")
def test_queries_by_get_follow_the_same_rule(refused: GraphQLClient) -> None:
    headers = {"Authorization": f"Bearer {refused.token}"}
    # Django's middleware answers a query whose name is written in another way.
    for name in ("query", "%71uery"):
        public = refused.http.get(f"/graphql?{name}={SETTINGS}", headers=headers)
        assert public.json() == GraphQLClient()(SETTINGS).body
        other = refused.http.get(f"/graphql?{name}={ME}", headers=headers)
        assert (other.status_code, other["Content-Type"]) == (401, f"{JSON}; charset=utf-8")
        assert other["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_cookie_does_not_take_the_place_of_the_token(alice: User) -> None:
    client = log_in_by_cookie()
    client.token = "a.b.c"
    assert_refused(client(ME))
    assert client(SETTINGS).data


def test_log_out_is_refused_because_it_would_end_nothing(alice: User) -> None:
    session = log_in()
    assert_refused(GraphQLClient(f"{session['accessToken']}x")(LOG_OUT))
    assert Session.objects.count() == 1
    assert GraphQLClient(session["accessToken"])(LOG_OUT).problems == []
    assert not Session.objects.exists()
    assert tags() == [Tag.LOGGED_IN, Tag.LOGGED_OUT]
    assert GraphQLClient()(LOG_OUT).problems == []


def test_closed_introspection_is_refused(refused: GraphQLClient, settings: Any) -> None:
    settings.INTROSPECTION = "signed-in"
    assert_refused(refused(INTROSPECTION))
    assert refused(TYPENAME).data == {"__typename": "Query"}


def test_refused_requests_are_charged_like_anonymous_ones(
    refused: GraphQLClient, settings: Any
) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 2
    assert_refused(refused(ME))
    assert_refused(refused(ME))
    assert [(each.status, each.codes) for each in (refused(ME), GraphQLClient()(ME))] == 2 * [
        (429, ["RATE_LIMITED"])
    ]


def test_open_fields_are_those_of_anonymous_clients_but_one() -> None:
    public = {*filter(ROOT_FIELDS.is_public, ROOT_FIELDS.access)}
    assert {*filter(ROOT_FIELDS.needs_no_token, ROOT_FIELDS.access)} == public - {"logOut"}


# A token that the process has cached -------------------------------------------------------


@pytest.mark.usefixtures("path")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["access token", "API token"])
def test_cached_token_that_has_ended_is_refused(kind: str) -> None:
    """Its statement goes out with the first of the query, whose execution is discarded."""
    alice = make_user("alice")
    is_session = kind == "access token"
    token = make_token(alice) if is_session else make_api_token(alice, Scope.PROFILE_READ)
    client = GraphQLClient(token)
    credential_cache.clear()
    assert [client(ME).data for _time in range(3)] == 3 * [ALICE]
    (Session if is_session else ApiToken).objects.all().delete()
    with watched_pipelines() as pipelines:
        assert_refused(client(ME))
    assert pipelines.executed == 1
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client(SETTINGS) == GraphQLClient()(SETTINGS)
