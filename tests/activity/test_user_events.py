"""Events and sessions below a user."""

from collections.abc import Callable

from core.security.actor import Actor
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_api_token, make_session, node_id
from users.accounts.models import User
from users.activity.services.record import record
from users.activity.tags import Tag
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]
EVENTS = """query ($id: ID!, $after: String) { user(id: $id) {
  events(first: 2, after: $after) {
    nodes { tag ip } pageInfo { hasNextPage endCursor } totalCount { value }
  }
} }"""
SESSIONS = "query ($id: ID!) { user(id: $id) { sessions(first: 9) { nodes { id isCurrent } } } }"


def test_events_of_a_user_are_newest_first(
    executor: Executor, client_of: ClientOf, alice: User, bob: User
) -> None:
    actor = Actor(user_id=alice.pk, ip="192.0.2.1")
    for tag in (Tag.LOGGED_IN, Tag.PROFILE_CHANGED, Tag.PASSWORD_CHANGED):
        record(tag, actor=actor, subject_id=alice.pk)
    record(Tag.USERNAME_CHANGED, actor=actor, subject_id=bob.pk)
    client, after, tags = client_of(alice), None, []
    for _page in range(2):
        answer = executor(lambda after=after: client(EVENTS, id=node_id(alice), after=after))  # type: ignore[misc]
        events = answer.data["user"]["events"]
        assert events["totalCount"] == {"value": 3}
        tags += [each["tag"] for each in events["nodes"]]
        assert {each["ip"] for each in events["nodes"]} == {"192.0.2.1"}
        after = events["pageInfo"]["endCursor"]
    assert tags == ["PASSWORD_CHANGED", "PROFILE_CHANGED", "LOGGED_IN"]


def test_events_of_a_user_are_empty_for_others(
    executor: Executor, client_of: ClientOf, alice: User, bob: User, sam: User, root: User
) -> None:
    """Staff read no audit trail; administrators read it all."""
    record(Tag.LOGGED_IN, actor=Actor(user_id=bob.pk), subject_id=bob.pk)
    for user, count in ((alice, 0), (sam, 0), (bob, 1), (root, 1)):
        client = client_of(user)
        answer = executor(lambda client=client: client(EVENTS, id=node_id(bob)))  # type: ignore[misc]
        assert len(answer.data["user"]["events"]["nodes"]) == count, user


def test_sessions_of_a_user_are_empty_for_others(
    executor: Executor, client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    older, newer = make_session(bob), make_session(bob)
    make_session(bob, days=-1)
    for user, expected in ((alice, []), (sam, [newer, older])):
        client = client_of(user)
        answer = executor(lambda client=client: client(SESSIONS, id=node_id(bob)))  # type: ignore[misc]
        found = [each["id"] for each in answer.data["user"]["sessions"]["nodes"]]
        assert found == [node_id(each) for each in expected], user
    mine = client_of(bob)(SESSIONS, id=node_id(bob)).data["user"]["sessions"]["nodes"]
    assert [each["isCurrent"] for each in mine] == [True, False, False]


def test_tokens_need_the_scopes_of_events_and_sessions(alice: User) -> None:
    record(Tag.LOGGED_IN, actor=Actor(user_id=alice.pk), subject_id=alice.pk)
    make_session(alice)
    query = "{ me { events(first: 9) { nodes { id } } sessions(first: 9) { nodes { id } } } }"
    for scopes, events, sessions in (
        ([Scope.PROFILE_READ], 0, 0),
        ([Scope.EVENTS_READ], 1, 0),
        ([Scope.SESSIONS_READ], 0, 1),
    ):
        me = GraphQLClient(make_api_token(alice, *scopes))(query).data["me"]
        assert (len(me["events"]["nodes"]), len(me["sessions"]["nodes"])) == (events, sessions)
