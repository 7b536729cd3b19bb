"""Stale answers, which the client accepts by `Cache-Control: max-age`."""

import json
import time
from functools import partial
from typing import Any, Final

import pytest
from pytest_django import DjangoAssertNumQueries

from core.security.actor import Actor
from core.web.caching import Caching
from schema.context import Context
from schema.http.answers import cached
from schema.http.answers.cached import ANSWERS
from schema.http.answers.repeated import REQUESTS
from schema.http.execution import execute
from tests.support.cached_answers import grow_older, outcomes
from tests.support.client import Answer, GraphQLClient
from tests.support.executors import BY_ENGINE
from tests.support.factories import make_organization, make_token, make_user, node_id
from tests.support.pipelines import watched_pipelines
from tests.support.tables.authorization.kinds import KINDS, SIGNED_IN
from tests.support.tables.authorization.writes import OK, WRITES
from tests.support.versions import touched_by
from tests.support.world import World, everything, outcome, write
from users.accounts.models import User
from users.activity.services.record import record
from users.activity.tags import Tag
from users.activity.versions import writes_of
from users.organizations.models import Organization
from users.scopes import Scope

USERS: Final = """{
  users(first: 50, orderBy: {field: USERNAME}) { totalCount { value } nodes { username name } }
}"""
RENAME: Final = """mutation ($id: ID!) {
  updateUser(input: {userId: $id, name: "New"}) { errors { code } }
}"""


def ask(client: GraphQLClient, control: str = "max-age=60", query: str = USERS) -> Answer:
    body = json.dumps({"query": query})
    return client.post(body, **({"Cache-Control": control} if control else {}))


def warm(client: GraphQLClient, control: str = "max-age=60") -> list[str]:
    """Ask until the page is cached; return its names."""
    ask(client, control)
    return names(ask(client, control))


def names(answer: Answer) -> list[str]:
    return [each["name"] for each in answer.data["users"]["nodes"]]


@pytest.mark.usefixtures("transactional_db", "no_cached_answers")
class TestDirectory:
    """Pages of all users, which change with every user."""

    @pytest.fixture
    def client(self, root: User, bob: User) -> GraphQLClient:
        return GraphQLClient(make_token(root))

    def test_second_request_is_cached(self, client: GraphQLClient) -> None:
        found = [outcomes(lambda: ask(client)) for _time in range(3)]
        assert found == [["first"], ["miss"], ["hit"]]

    def test_age_is_a_header(self, client: GraphQLClient) -> None:
        warm(client)
        grow_older(30)
        found = ask(client)
        assert 30 <= int(found.headers["Age"]) <= 60
        assert found.headers["Cache-Control"] == "no-store"

    def test_hits_take_one_round_trip(
        self, client: GraphQLClient, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        # Prepares the statements as well.
        for _time in range(8):
            ask(client)
        REQUESTS.clear()
        with watched_pipelines() as pipelines:
            assert outcomes(lambda: ask(client)) == ["hit"]
        assert pipelines.sizes == [2]
        with django_assert_num_queries(1):
            assert outcomes(lambda: ask(client)) == ["hit"]

    def test_changes_of_others_are_seen_after_that_time(
        self, client: GraphQLClient, bob: User
    ) -> None:
        former = warm(client)
        User.objects.filter(pk=bob.pk).update(name="New")
        assert names(ask(client)) == former
        grow_older(30)
        assert names(ask(client)) == former
        grow_older(31)
        assert "New" in names(ask(client))

    @pytest.mark.parametrize(
        "control",
        ["", "max-age=0", "no-cache", "no-cache, max-age=60", "max-age=60, no-store", "max-age=x"],
    )
    def test_others_get_fresh_answers(self, client: GraphQLClient, bob: User, control: str) -> None:
        warm(client)
        User.objects.filter(pk=bob.pk).update(name="New")
        answer = ask(client, control)
        assert "New" in names(answer)
        assert "Age" not in answer.headers

    @pytest.mark.parametrize("control", ["max-age=86400", f"max-age={'9' * 500}"])
    def test_no_answer_is_older_than_the_maximum(
        self, client: GraphQLClient, bob: User, control: str
    ) -> None:
        warm(client, control)
        User.objects.filter(pk=bob.pk).update(name="New")
        grow_older(61)
        assert "New" in names(ask(client, control))

    def test_operator_can_forbid_it(self, client: GraphQLClient, bob: User, settings: Any) -> None:
        settings.CACHE_MAX_STALENESS = 0
        assert outcomes(lambda: ask(client)) == []

    def test_own_writes_are_seen(self, client: GraphQLClient, bob: User) -> None:
        former = warm(client)
        assert client(RENAME, id=node_id(bob)).problems == []
        assert names(ask(client)) != former
        assert outcomes(lambda: ask(client)) == ["hit"]

    def test_lost_rights_are_seen(self, client: GraphQLClient, root: User) -> None:
        make_user("hidden", is_public=False)
        former = warm(client)
        User.objects.filter(pk=root.pk).update(is_staff=False, is_superuser=False)
        assert len(names(ask(client))) < len(former)

    def test_requesters_share_no_answer(self, client: GraphQLClient, alice: User) -> None:
        other = GraphQLClient(make_token(alice))
        warm(client)
        assert outcomes(lambda: ask(other)) == ["first"]

    def test_what_is_versioned_stays_fresh(self, client: GraphQLClient, root: User) -> None:
        query = "{ me { name } }"
        for _time in range(3):
            ask(client, query=query)
        User.objects.filter(pk=root.pk).update(name="New")
        answer = ask(client, query=query)
        assert answer.data["me"]["name"] == "New"
        assert "Age" not in answer.headers

    def test_errors_are_not_cached(self, client: GraphQLClient) -> None:
        query = "{ users(first: 5000) { nodes { id } } }"
        found = [outcomes(lambda: ask(client, query=query)) for _time in range(3)]
        assert found == [["first"], ["miss"], ["miss"]]

    @pytest.mark.parametrize(
        ("seconds", "expected"), [(0, "shared"), (30, "shared"), (61, "miss"), (-100, "miss")]
    )
    def test_answers_of_other_processes_have_an_age(
        self,
        client: GraphQLClient,
        settings: Any,
        monkeypatch: pytest.MonkeyPatch,
        seconds: int,
        expected: str,
    ) -> None:
        """By the clocks of both; one whose clock is ahead shares nothing."""
        settings.SHARED_CACHE_SECONDS = 60
        warm(client)
        # As a process that has just started.
        ANSWERS.clear()
        monkeypatch.setattr(cached, "time", partial(float, time.time() + seconds))
        found = [outcomes(lambda: ask(client)) for _time in range(2)]
        assert found == [["first"], [expected]]
        age = int(ask(client).headers["Age"])
        assert max(seconds, 0) <= age <= 60 if expected == "shared" else age < 60

    def test_sessions_share_no_answer(self, root: User) -> None:
        query = "{ sessions(first: 9) { nodes { id isCurrent } } }"
        clients = [GraphQLClient(make_token(root)) for _session in range(2)]
        current = []
        for client in clients:
            for _time in range(3):
                nodes = ask(client, query=query).data["sessions"]["nodes"]
            current.append([each["id"] for each in nodes if each["isCurrent"]])
        assert len(current[0]) == len(current[1]) == 1
        assert current[0] != current[1]


@pytest.mark.usefixtures("transactional_db", "no_cached_answers")
def test_writes_under_impersonation_are_seen_by_the_impersonator(alice: User, root: User) -> None:
    organization = make_organization("Club", alice)
    query = "{ me { memberships(first: 5) { nodes { organization { name } } } } }"
    scopes = frozenset(map(str, Scope))
    own = Actor(user_id=alice.pk)
    impersonated = Actor(user_id=alice.pk, impersonator_id=root.pk, scopes=scopes)

    def outcome_of(actor: Actor) -> str | None:
        context = Context(actor, caching=Caching(max_age=60))
        execute(query, None, None, context, read_only=True)
        return context.caching.outcome

    for expected in ("first", "miss"):
        assert [outcome_of(actor) for actor in (own, impersonated)] == [expected] * 2
    Organization.objects.update(name="New")
    record(Tag.ORGANIZATION_RENAMED, actor=impersonated, subject_id=organization.pk)
    assert [outcome_of(actor) for actor in (own, impersonated)] == ["hit", "changed"]


# Mutations that leave no event; why an answer need not show them.
SILENT: Final[dict[str, str]] = {
    "beginTotpEnrollment": "An authenticator app is shown once it is confirmed.",
    "logIn": "Waits for the second factor.",
}


@BY_ENGINE
@pytest.mark.parametrize(
    "name",
    [name for name, (_input, ends) in WRITES.items() if OK in {ends[kind] for kind in SIGNED_IN}],
)
def test_every_mutation_touches_what_its_actor_writes(world: World, name: str) -> None:
    """So the next answer is new, whatever age the client accepts."""
    _input, ends = WRITES[name]
    kind = next(kind for kind in KINDS if kind in SIGNED_IN and ends[kind] == OK)
    writer = writes_of(User.objects.get(username=kind).pk)
    before, found = everything(), []
    touched = touched_by(lambda: found.append(outcome(world.ask(kind, write(name)))))
    assert found == [OK]
    is_silent = everything() != before and writer not in touched
    assert is_silent is (name in SILENT)
