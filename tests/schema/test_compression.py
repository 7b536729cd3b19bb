"""Which answers proxies may compress; `tests/system/test_nginx.py` has one that does."""

from collections.abc import Callable

import pytest

from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD
from tests.support.signing_in import LOG_IN, LOG_OUT, ME, REFRESH, log_in, log_in_by_cookie
from users.accounts.models import User

pytestmark = pytest.mark.usefixtures("path")

TWO = '{"query": "query A { me { username } } mutation B { logOut { errors { code } } }", %s}'


def encoding(client: GraphQLClient, query: str, **headers: str) -> str | None:
    return client.post(f'{{"query": "{query}"}}', **headers).headers.get("Content-Encoding")


def test_queries_by_bearers_may_be_compressed(
    client_of: Callable[[User], GraphQLClient], alice: User, anonymous: GraphQLClient
) -> None:
    for client in (client_of(alice), anonymous):
        assert client(ME).headers.get("Content-Encoding") is None
        assert client("{ __schema { types { name } } }").headers.get("Content-Encoding") is None


def test_mutations_are_not_compressed(
    client_of: Callable[[User], GraphQLClient], alice: User, anonymous: GraphQLClient
) -> None:
    tokens = log_in()
    answers = [
        anonymous(LOG_IN, login="alice", password=PASSWORD),
        anonymous(LOG_IN, login="alice", password="wrong"),
        anonymous(REFRESH, token=tokens["refreshToken"]),
        anonymous("mutation { unknown }"),
        client_of(alice).post(TWO % '"operationName": "A"'),
        client_of(alice)(LOG_OUT),
    ]
    assert {each.headers.get("Content-Encoding") for each in answers} == {"identity"}


@pytest.mark.parametrize("body", ["", "{", '{"query": "{"}'])
def test_what_is_no_query_is_not_compressed(anonymous: GraphQLClient, body: str) -> None:
    assert anonymous.post(body).headers["Content-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ({}, "identity"),
        ({"Sec-Fetch-Site": "cross-site"}, "identity"),
        ({"Sec-Fetch-Site": "same-site"}, "identity"),
        ({"Sec-Fetch-Site": "none"}, "identity"),
        ({"Sec-Fetch-Site": "same-origin"}, None),
    ],
)
def test_queries_by_cookie_may_be_compressed_for_own_pages(
    alice: User, site: dict[str, str], expected: str | None
) -> None:
    client = log_in_by_cookie()
    assert encoding(client, ME, **site) == expected
    assert encoding(client, LOG_OUT, **site) == "identity"
