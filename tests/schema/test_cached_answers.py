"""Cached answers: what is cached, and that no change is missed."""

import gc
import threading
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group
from pytest_django import DjangoAssertNumQueries

from engine.operation import PLANS, CompiledOperation
from engine.sql import pending
from schema.documents.document import DOCUMENTS
from schema.http.answers.cached import ANSWERS, BYTES
from schema.http.answers.repeated import REQUESTS
from tests.support.cached_answers import outcomes, warm
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_organization, make_token, node_id
from tests.support.pipelines import watched_pipelines
from users.accounts.models import Metadata, Profile, User
from users.organizations.models import Membership, Organization, Role

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

ME: Final = """{
  me {
    id name email publicMetadata emailAddresses { email }
    profile { bio } groups { name } memberships(first: 5) { totalCount { value } nodes { role } }
  }
}"""
ORGANIZATION: Final = """query ($id: ID!) {
  organization(id: $id) {
    name myRole invitations { email }
    members(first: 50) { nodes { role user { name profile { bio } groups { name } } } }
  }
}"""
USER: Final = "query ($id: ID!) { user(id: $id) { name profile { bio } isStaff } }"


@pytest.fixture
def organization(alice: User, bob: User) -> Organization:
    return make_organization("Club", alice, bob)


def test_second_request_is_cached(alice: User) -> None:
    client = GraphQLClient(make_token(alice))
    assert [outcomes(lambda: client(ME).data) for _time in range(4)] == [
        ["first"],
        ["miss"],
        ["hit"],
        ["hit"],
    ]


def test_hits_take_one_round_trip(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The first one in a pipeline; later ones, equal byte by byte, in one statement."""
    client = GraphQLClient(make_token(alice))
    # Prepares the statements as well.
    for _time in range(8):
        client(ME)
    REQUESTS.clear()
    with watched_pipelines() as pipelines, watched_pipelines(pending) as others:
        assert outcomes(lambda: client(ME).data) == ["hit"]
    assert (pipelines.sizes, others.sizes) == ([2], [])
    with django_assert_num_queries(1):
        assert outcomes(lambda: client(ME).data) == ["hit"]


def test_size_of_an_entry_is_estimated(alice: User) -> None:
    """The estimate covers what entries take, and not many times as much."""
    client = GraphQLClient(make_token(alice))
    queries = [ME.replace("{", f"query Q{number} {{", 1) for number in range(40)]
    for query in queries:
        client(query)
    gc.collect()
    tracemalloc.start()
    try:
        for query in queries:
            client(query)
        DOCUMENTS.clear()
        PLANS.clear()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        size = ANSWERS.size
        ANSWERS.clear()
        gc.collect()
        freed = before - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert freed <= size <= 3 * freed


def test_large_answers_are_not_cached(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """One client could evict those of all others."""
    monkeypatch.setattr(type(ANSWERS), "max_size", 32 * 1_000)
    client = GraphQLClient(make_token(alice))
    assert [outcomes(lambda: client(ME).data) for _time in range(3)] == [
        ["first"],
        ["miss"],
        ["miss"],
    ]
    assert [answer.data for answer in ANSWERS._values.values()] == [b""]  # noqa: SLF001 - no public name


def test_memory_is_a_metric(alice: User) -> None:
    client = GraphQLClient(make_token(alice))
    for _time in range(3):
        client(ME)
        assert BYTES._value.get() == ANSWERS.size > 0  # noqa: SLF001 - no public name


def test_hit_has_the_bytes_of_the_answer(alice: User, organization: Organization) -> None:
    client = GraphQLClient(make_token(alice))
    for query, given in ((ME, {}), (ORGANIZATION, {"id": node_id(organization)})):
        answers = [client(query, **given) for _time in range(4)]
        assert all(each.body == answers[0].body for each in answers)
        assert all(each.headers == answers[0].headers for each in answers)


def test_debug_output_says_how_an_answer_was_found(alice: User, settings: Any) -> None:
    settings.GRAPHQL_DEBUG = True
    client = GraphQLClient(make_token(alice))
    found = [client.debug(ME).body["extensions"]["debug"] for _time in range(3)]
    assert [each["cache"]["outcome"] for each in found] == ["first", "miss", "hit"]
    assert [each["executor"] for each in found] == ["engine", "engine", None]
    assert [len(each["statements"]) > 1 for each in found] == [True, True, False]
    for _time in range(2):
        undeclared = client.debug("{ me { lastSeenAt } }").body["extensions"]["debug"]["cache"]
        assert undeclared == {"outcome": None, "reason": "User.lastSeenAt declares no dependency."}


CHANGES: Final[dict[str, Callable[[User], Any]]] = {
    "name": lambda user: User.objects.filter(pk=user.pk).update(name="New"),
    "profile": lambda user: Profile.objects.filter(user=user).update(bio="New"),
    "metadata": lambda user: Metadata.objects.create(user=user, public={"new": 1}),
    "group": lambda user: user.groups.add(Group.objects.create(name="New")),
    "group's name": lambda user: Group.objects.filter(user=user).update(name="Newer"),
    "no group": lambda user: user.groups.clear(),
    "membership": lambda user: make_organization("New", user),
    "role": lambda user: Membership.objects.filter(user=user).update(role=Role.ADMIN),
    "no membership": lambda user: Membership.objects.filter(user=user).delete(),
}


def test_changes_of_the_user_are_seen(alice: User) -> None:
    client = GraphQLClient(make_token(alice))
    for name, change in CHANGES.items():
        former = warm(client, ME)
        change(alice)
        assert outcomes(lambda: client(ME).data) == ["changed"], name
        assert client(ME).data != former, name


def test_changes_of_members_are_seen_in_the_organization(
    alice: User, bob: User, organization: Organization
) -> None:
    client = GraphQLClient(make_token(alice))
    given = {"id": node_id(organization)}
    changes: list[Callable[[], Any]] = [
        lambda: User.objects.filter(pk=bob.pk).update(name="New"),
        lambda: Profile.objects.filter(user=bob).update(bio="New"),
        lambda: Membership.objects.filter(user=bob).update(role=Role.ADMIN),
        lambda: Membership.objects.filter(user=bob).delete(),
        lambda: Organization.objects.update(name="New"),
        lambda: Membership.objects.filter(user=alice).delete(),
    ]
    for change in changes:
        former = warm(client, ORGANIZATION, **given)
        change()
        assert client(ORGANIZATION, **given).data != former


def test_requesters_share_no_answer(alice: User, bob: User, root: User) -> None:
    given = {"id": node_id(bob)}
    answers = {
        user.username: warm(GraphQLClient(make_token(user)), USER, **given)["user"]
        for user in (alice, bob, root)
    }
    assert [answers[name]["isStaff"] for name in ("alice", "bob", "root")] == [None, False, False]


def test_lost_rights_are_seen(root: User, bob: User) -> None:
    client, given = GraphQLClient(make_token(root)), {"id": node_id(bob)}
    assert warm(client, USER, **given)["user"]["isStaff"] is False
    User.objects.filter(pk=root.pk).update(is_staff=False, is_superuser=False)
    assert client(USER, **given).data["user"]["isStaff"] is None


RIGHTS: Final = """query ($id: ID!, $user: ID!) {
  organization(id: $id) { viewerCanUpdate viewerCanManage viewerCanDelete }
  user(id: $user) { viewerCanUpdate viewerCanAdminister }
}"""


def test_what_a_requester_may_do_follows_roles(
    alice: User, bob: User, organization: Organization
) -> None:
    client = GraphQLClient(make_token(alice))
    given = {"id": node_id(organization), "user": node_id(bob)}

    def rights() -> list[bool]:
        return [each for found in warm(client, RIGHTS, **given).values() for each in found.values()]

    assert rights() == [False] * 5
    assert outcomes(lambda: client(RIGHTS, **given).data) == ["hit"]
    for role, expected in (
        (Role.ADMIN, [False, True, False]),
        (Role.OWNER, [True, True, True]),
        (Role.MEMBER, [False, False, False]),
    ):
        Membership.objects.filter(user=alice).update(role=role)
        assert rights() == [*expected, False, False]
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert rights() == [False, False, False, True, False]
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    assert rights() == [True] * 5


@pytest.mark.parametrize(
    "query",
    [
        "{ me { id lastSeenAt } }",
        "{ users(first: 2) { nodes { id } } }",
        "{ me { id memberships(first: 2) { nodes { organization { name } } } } }",
        "{ me { id } users(first: 1) { nodes { id } } }",
    ],
)
def test_answers_without_declared_dependencies_are_not_cached(root: User, query: str) -> None:
    client = GraphQLClient(make_token(root))
    found = [outcomes(lambda: client(query).data) for _time in range(3)]
    assert found == [[], [], []]


def test_anonymous_answers_and_mutations_are_not_cached(alice: User) -> None:
    change = 'mutation { updateProfile(input: {bio: "x"}) { user { id } } }'
    signed_in = GraphQLClient(make_token(alice))
    for ask in (partial(GraphQLClient(), "{ me { id } }"), partial(signed_in, change)):
        assert [outcomes(ask) for _time in range(3)] == [[], [], []]


def test_answers_with_errors_are_not_cached(alice: User) -> None:
    client = GraphQLClient(make_token(alice))
    query = "{ me { id memberships(first: 500) { nodes { role } } } }"
    found = [outcomes(lambda: client(query)) for _time in range(3)]
    assert found == [["first"], ["miss"], ["miss"]]


def test_cache_can_be_turned_off(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(ANSWERS), "max_size", 0)
    client = GraphQLClient(make_token(alice))
    assert [outcomes(lambda: client(ME).data) for _time in range(3)] == [[], [], []]


def test_committed_changes_are_seen_by_the_next_request(
    alice: User, bob: User, organization: Organization
) -> None:
    """No answer is older than what was committed before its request."""
    given = {"id": node_id(organization)}
    # What writers have committed, by user.
    committed = {alice.pk: 0, bob.pk: 0}
    tokens = [make_token(user) for user in (alice, bob)]
    over = threading.Event()

    def write(user: User) -> None:
        for number in range(1, 60):
            Profile.objects.filter(user=user).update(bio=str(number))
            committed[user.pk] = number
        over.set()

    def read(token: str) -> int:
        client, rounds = GraphQLClient(token), 0
        while not over.is_set() or rounds < 20:
            oldest = sum(committed.values())
            members = client(ORGANIZATION, **given).data["organization"]["members"]["nodes"]
            assert sum(int(each["user"]["profile"]["bio"] or 0) for each in members) >= oldest
            rounds += 1
        return rounds

    rounds = run_concurrently(
        *(partial(write, user) for user in (alice, bob)), *(partial(read, each) for each in tokens)
    )
    final = warm(GraphQLClient(tokens[0]), ORGANIZATION, **given)["organization"]["members"]
    assert [each["user"]["profile"]["bio"] for each in final["nodes"]] == ["59", "59"]
    assert len(rounds) == 4


def test_answer_of_an_older_snapshot_is_not_filed_under_a_newer_version(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something changes before the data is read, or after."""
    client = GraphQLClient(make_token(alice))
    execute = CompiledOperation.execute
    moments: list[Callable[[], Any]] = []

    def between(self: CompiledOperation, *arguments: Any, **keywords: Any) -> Any:
        before, after = moments or (lambda: None, lambda: None)
        before()
        found = execute(self, *arguments, **keywords)
        after()
        return found

    monkeypatch.setattr(CompiledOperation, "execute", between)
    warm(client, ME)

    def set_bio(bio: str) -> None:
        Profile.objects.filter(user=alice).update(bio=bio)

    for bio, at in (("before", 0), ("after", 1)):
        set_bio("first")
        moments[:] = [lambda: None, lambda: None]
        moments[at] = partial(set_bio, bio)
        client(ME)
        moments.clear()
        assert client(ME).data["me"]["profile"]["bio"] == bio
