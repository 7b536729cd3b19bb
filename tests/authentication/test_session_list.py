"""The list of sessions: fields, pagination and visibility."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_session, node_id
from tests.support.signing_in import LOG_IN, ClientOf, log_in, log_in_by_cookie
from users.accounts.models import User
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.sessions.user_agents import UserAgent, read_user_agent

Capture = Callable[[], AbstractContextManager[Statements]]

EVERYTHING = """
    id device browser operatingSystem userAgent ip createdAt lastSeenAt expiresAt isCurrent
    user { username }
"""
PAGE = f"""
    query ($user: ID, $first: Int, $after: String, $last: Int, $before: String) {{
      sessions(user: $user, first: $first, after: $after, last: $last, before: $before) {{
        edges {{ cursor node {{ {EVERYTHING} }} }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
      }}
    }}
"""
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"


def ids(answer: Any) -> list[str]:
    return [edge["node"]["id"] for edge in answer.data["sessions"]["edges"]]


def client_through(session: Session) -> GraphQLClient:
    return GraphQLClient(issue_access_token(session))


# Fields ----------------------------------------------------------------------------------


def test_session_has_its_origin(alice: User) -> None:
    client = GraphQLClient()
    client.http.defaults |= {"HTTP_USER_AGENT": IPHONE, "REMOTE_ADDR": "192.0.2.7"}
    client.token = client(LOG_IN, login="alice", password=PASSWORD).data["logIn"]["accessToken"]
    session = Session.objects.get()
    (edge,) = client(PAGE, first=9).data["sessions"]["edges"]
    assert edge["node"] == {
        "id": node_id(session),
        "device": "iPhone",
        "browser": "Mobile Safari",
        "operatingSystem": "iOS",
        "userAgent": IPHONE,
        "ip": "192.0.2.7",
        "createdAt": session.created_at.isoformat(),
        "lastSeenAt": session.last_seen_at.isoformat(),
        "expiresAt": session.expires_at.isoformat(),
        "isCurrent": True,
        "user": {"username": "alice"},
    }


@pytest.mark.parametrize(
    ("header", "device", "browser", "operating_system"),
    [
        (IPHONE, "iPhone", "Mobile Safari", "iOS"),
        (MAC, "Mac", "Chrome", "Mac OS X"),
        (WINDOWS, None, "Firefox", "Windows"),
        ("curl/8.14.1", None, "curl", None),
        ("", None, None, None),
        ("x" * 300, None, None, None),
        ("(" * 300, None, None, None),
        ("\N{SNOWMAN}\xff", None, None, None),
    ],
)
def test_user_agent_fields_are_null_if_unknown(
    header: str, device: str | None, browser: str | None, operating_system: str | None
) -> None:
    expected = UserAgent(device=device, browser=browser, operating_system=operating_system)
    assert read_user_agent(header) == expected
    assert read_user_agent(header) is read_user_agent(header)


def test_session_without_address_and_device_is_listed(client_of: ClientOf, alice: User) -> None:
    (edge,) = client_of(alice)(PAGE, first=9).data["sessions"]["edges"]
    shown = [edge["node"][name] for name in ("device", "browser", "operatingSystem", "ip")]
    assert shown == [None] * 4
    assert edge["node"]["userAgent"] == ""


def test_one_session_is_the_current_one(alice: User) -> None:
    log_in()
    client = log_in_by_cookie()
    log_in()
    edges = client(PAGE, first=9).data["sessions"]["edges"]
    assert [edge["node"]["isCurrent"] for edge in edges] == [False, True, False]


# Pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_concatenate_to_the_whole_list_newest_first(
    alice: User, bob: User, size: int
) -> None:
    sessions = [make_session(alice) for _ in range(7)]
    make_session(bob)
    client = client_through(sessions[0])
    newest_first = [node_id(session) for session in reversed(sessions)]
    for count, position, info_cursor, more, less, from_front in (
        ("first", "after", "endCursor", "hasNextPage", "hasPreviousPage", True),
        ("last", "before", "startCursor", "hasPreviousPage", "hasNextPage", False),
    ):
        found: list[str] = []
        variables: dict[str, Any] = {count: size}
        while True:
            answer = client(PAGE, **variables)
            page, info = ids(answer), answer.data["sessions"]["pageInfo"]
            edges = answer.data["sessions"]["edges"]
            found = found + page if from_front else page + found
            assert info["startCursor"] == edges[0]["cursor"]
            assert info["endCursor"] == edges[-1]["cursor"]
            assert info[less] == (position in variables)
            if not info[more]:
                break
            assert len(page) == size
            variables[position] = info[info_cursor]
        assert found == newest_first


def test_page_between_two_cursors(alice: User) -> None:
    sessions = [make_session(alice) for _ in range(5)]
    client = client_through(sessions[0])
    at = [edge["cursor"] for edge in client(PAGE, first=5).data["sessions"]["edges"]]
    expected = [node_id(session) for session in reversed(sessions)][1:4]
    for variables, part in (
        ({"first": 9}, expected),
        ({"last": 9}, expected),
        ({"first": 2}, expected[:2]),
        ({"last": 2}, expected[1:]),
    ):
        assert ids(client(PAGE, after=at[0], before=at[4], **variables)) == part
    assert ids(client(PAGE, after=at[4], before=at[0], first=9)) == []


def test_cursor_of_another_list_is_refused(client_of: ClientOf, sam: User) -> None:
    client = client_of(sam)
    users = client("{ users(first: 1) { pageInfo { endCursor } } }").data["users"]
    sessions = client(PAGE, first=1).data["sessions"]
    of_users, of_sessions = (page["pageInfo"]["endCursor"] for page in (users, sessions))
    assert client(PAGE, first=1, after=of_users).codes == ["CURSOR_INVALID"]
    query = "query ($x: String!) { users(first: 1, after: $x) { pageInfo { hasNextPage } } }"
    assert client(query, x=of_sessions).codes == ["CURSOR_INVALID"]
    assert client(PAGE).codes == ["ARGUMENT_INVALID"]


@pytest.mark.parametrize("count", [1, 20])
def test_query_count_does_not_depend_on_the_page_size(
    alice: User, statements: Capture, count: int
) -> None:
    sessions = [make_session(alice) for _ in range(count)]
    client = client_through(sessions[0])
    for fields, needed in (("id device isCurrent", 2), (EVERYTHING, 3)):
        query = f"{{ sessions(first: 100) {{ edges {{ node {{ {fields} }} }} }} }}"
        with statements() as captured:
            assert len(client(query).data["sessions"]["edges"]) == count
        assert len(captured) == needed, captured


# Visibility ------------------------------------------------------------------------------


def test_users_see_their_own_sessions_only(client_of: ClientOf, alice: User, bob: User) -> None:
    client = client_of(alice)
    of_bob = make_session(bob)
    (own,) = ids(client(PAGE, first=9))
    assert ids(client(PAGE, first=9, user=node_id(alice))) == [own]
    assert ids(client(PAGE, first=9, user=node_id(bob))) == []
    for id_, found in ((own, {"id": own}), (node_id(of_bob), None)):
        assert client("query ($x: ID!) { node(id: $x) { id } }", x=id_).data == {"node": found}


def test_staff_see_sessions_of_all_users(client_of: ClientOf, sam: User, bob: User) -> None:
    client = client_of(sam)
    of_bob = make_session(bob)
    answer = client(PAGE, first=9, user=node_id(bob))
    assert ids(answer) == [node_id(of_bob)]
    (edge,) = answer.data["sessions"]["edges"]
    assert (edge["node"]["user"], edge["node"]["isCurrent"]) == ({"username": "bob"}, False)
    (own,) = client(PAGE, first=9).data["sessions"]["edges"]
    assert own["node"]["isCurrent"]
    query = "query ($x: ID!) { node(id: $x) { ... on Session { user { username } } } }"
    assert client(query, x=node_id(of_bob)).data == {"node": {"user": {"username": "bob"}}}


@pytest.mark.parametrize("user", ["", "x", "\0", "VXNlcjo="])
def test_unknown_user_has_no_sessions(client_of: ClientOf, sam: User, user: str) -> None:
    assert ids(client_of(sam)(PAGE, first=9, user=user)) == []
    assert ids(client_of(sam)(PAGE, first=9, user=node_id(make_session(sam)))) == []


def test_anonymous_clients_must_sign_in(anonymous: GraphQLClient, alice: User) -> None:
    for variables in ({}, {"user": node_id(alice)}):
        assert anonymous(PAGE, first=9, **variables).codes == ["UNAUTHENTICATED"]


def test_only_active_sessions_are_listed(client_of: ClientOf, sam: User, alice: User) -> None:
    over = make_session(alice, days=-1)
    active = make_session(alice)
    client = client_of(sam)
    assert ids(client(PAGE, first=9, user=node_id(alice))) == [node_id(active)]
    query = "query ($x: ID!) { node(id: $x) { id } }"
    assert client(query, x=node_id(over)).data == {"node": None}
    count = "query ($x: ID!) { user(id: $x) { activeSessionCount } }"
    assert client(count, x=node_id(alice)).data == {"user": {"activeSessionCount": 1}}

    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert ids(client(PAGE, first=9, user=node_id(alice))) == []
    assert client(count, x=node_id(alice)).data == {"user": {"activeSessionCount": 0}}
