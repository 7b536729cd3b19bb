"""Queries that replicas execute, with two real ones of the tests' PostgreSQL.

`ROUNDS` of writes are followed by reads; `SEED` draws others.
"""

import json
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Any, Final
from unittest.mock import patch

import psutil
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY

from core.database.replicas import replica as replicas
from core.database.replicas.pool import REPLICAS
from core.database.replicas.replica import Outcome, Replica
from engine.deadline import disconnect_overdue
from tests.support.client import GraphQLClient
from tests.support.factories import (
    make_api_token,
    make_organization,
    make_token,
    make_user,
    node_id,
)
from tests.support.pipelines import watched_pipelines
from tests.support.standbys import TIMEOUT, Standby, in_use, standbys
from tests.support.waiting import wait_until
from users.accounts.models import User
from users.organizations.models import Membership
from users.scopes import Scope

ROUNDS: Final = int(os.environ.get("ROUNDS", "40"))
SEED: Final = int(os.environ.get("SEED", "1"))
ALL: Final = [each.value for each in Scope]
AGES: Final = 600.0
# Never cached, since it changes with time.
NAME: Final = "{ me { username name lastSeenAt } }"
RENAME: Final = """mutation ($name: String!) {
    updateProfile(input: {name: $name}) { user { name } errors { code } }
}"""


@pytest.fixture(scope="module")
def servers(django_db_setup: None) -> Iterator[list[Standby]]:
    with standbys(2) as found:
        for each in found:
            each.start()
        yield found


@pytest.fixture
def replica(servers: list[Standby], transactional_db: None) -> Iterator[Standby]:
    """The only replica in use, however old its data is."""
    with in_use(servers[0], max_lag=AGES):
        wait_until_usable()
        yield servers[0]


def wait_until_usable() -> None:
    # Any user, as there is one replica.
    wait_until(lambda: REPLICAS.choose(User().pk), "the replica is not usable")


@contextmanager
def replaying_nothing(replica: Standby) -> Iterator[None]:
    """Have a replica receive what is written, and not show it."""
    replica.execute("SELECT pg_wal_replay_pause()")
    wait_until(
        lambda: replica.execute("SELECT pg_get_wal_replay_pause_state() = 'paused'"), "not paused"
    )
    try:
        yield
    finally:
        replica.execute("SELECT pg_wal_replay_resume()")


def catch_up(replica: Standby) -> None:
    """Wait until the replica shows all that was written."""
    with connection.cursor() as cursor:
        # What is not flushed is not sent.
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        (written,) = cursor.fetchone() or ("",)
    wait_until(
        lambda: replica.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'"), "still behind"
    )


def end_connections(replica: Standby) -> None:
    replica.execute(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )


def count(outcome: Outcome, name: str = "1") -> int:
    found = REGISTRY.get_sample_value(
        "database_replica_reads_total", {"replica": name, "result": outcome}
    )
    return int(found or 0)


@contextmanager
def expecting(outcome: Outcome, *, times: int) -> Iterator[None]:
    before = count(outcome)
    yield
    assert count(outcome) - before == times


def test_a_query_takes_one_statement_of_the_primary(replica: Standby) -> None:
    alice = make_user("alice")
    make_organization("Club", alice, make_user("bob"))
    query = """{
        organizations(first: 5) { nodes { name members(first: 5) { nodes { role } } } }
        users(first: 5) { nodes { username } }
    }"""
    tokens = (make_token(alice), make_api_token(alice, *ALL))
    for client in map(GraphQLClient, tokens):
        expected = client(query).data
        catch_up(replica)
        with expecting(Outcome.ANSWERED, times=1), CaptureQueriesContext(connection) as by_primary:
            assert client(query).data == expected
        assert len(by_primary) == 1, by_primary.captured_queries


def test_queries_by_get_are_executed_by_a_replica(replica: Standby) -> None:
    client = GraphQLClient(make_token(make_user("alice")))
    headers = {"Authorization": f"Bearer {client.token}"}
    catch_up(replica)
    with expecting(Outcome.ANSWERED, times=1):
        response = client.http.get("/graphql", {"query": NAME}, headers=headers)
    assert response.json()["data"]["me"]["username"] == "alice"


def test_own_writes_are_seen_with_each_credential(replica: Standby) -> None:
    alice = make_user("alice")
    session, token = GraphQLClient(make_token(alice)), GraphQLClient(make_api_token(alice, *ALL))
    catch_up(replica)
    with replaying_nothing(replica):
        for writer, name in ((session, "One"), (token, "Two")):
            assert writer(RENAME, name=name).problems == []
            with expecting(Outcome.BEHIND, times=2):
                assert session(NAME).data["me"]["name"] == name
                assert token(NAME).data["me"]["name"] == name
    catch_up(replica)
    with expecting(Outcome.ANSWERED, times=2):
        assert session(NAME).data["me"]["name"] == token(NAME).data["me"]["name"] == "Two"


def test_a_new_session_sees_itself(replica: Standby) -> None:
    alice = make_user("alice")
    catch_up(replica)
    with replaying_nothing(replica):
        client = GraphQLClient(make_token(alice))
        with expecting(Outcome.BEHIND, times=1):
            assert (
                len(client("{ sessions(first: 5) { nodes { id } } }").data["sessions"]["nodes"])
                == 1
            )


def test_rights_are_never_old(replica: Standby) -> None:
    alice = make_user("alice")
    make_organization("Club", alice)
    client = GraphQLClient(make_token(alice))
    query = "{ organizations(first: 5) { nodes { name } } }"
    catch_up(replica)
    with replaying_nothing(replica):
        assert len(client(query).data["organizations"]["nodes"]) == 1
        Membership.objects.filter(user=alice).delete()
        with expecting(Outcome.BEHIND, times=1):
            assert len(client(query).data["organizations"]["nodes"]) == 0
        User.objects.filter(pk=alice.pk).update(is_active=False)
        with expecting(Outcome.BEHIND, times=0), expecting(Outcome.ANSWERED, times=0):
            assert client(query).status == 401


def test_what_others_write_may_be_late(replica: Standby) -> None:
    alice, bob = make_user("alice"), make_user("bob", is_public=True)
    client = GraphQLClient(make_token(alice))
    # Not cached, so no version is compared.
    query = '{ users(first: 5, search: "bob") { nodes { name } } }'
    catch_up(replica)
    with replaying_nothing(replica):
        User.objects.filter(pk=bob.pk).update(name="Robert")
        with expecting(Outcome.ANSWERED, times=1):
            assert client(query).data["users"]["nodes"] == [{"name": ""}]
    catch_up(replica)
    with expecting(Outcome.ANSWERED, times=1):
        assert client(query).data["users"]["nodes"] == [{"name": "Robert"}]


@pytest.mark.parametrize("headers", [{}, {"Cache-Control": "max-age=30"}])
def test_no_answer_is_cached_under_a_newer_version(
    replica: Standby, headers: dict[str, str]
) -> None:
    alice, bob = make_user("alice"), make_user("bob", is_public=True)
    client = GraphQLClient(make_token(alice))
    query = json.dumps({"query": f'{{ user(id: "{node_id(bob)}") {{ name }} }}'})

    def name() -> str:
        found: str = client.post(query, **headers).data["user"]["name"]
        return found

    catch_up(replica)
    with expecting(Outcome.ANSWERED, times=2):
        # The second answer is cached, and the third is that.
        assert [name() for _number in range(3)] == [""] * 3
    with replaying_nothing(replica):
        User.objects.filter(pk=bob.pk).update(name="Robert")
        with expecting(Outcome.BEHIND, times=1), expecting(Outcome.ANSWERED, times=0):
            assert [name() for _number in range(3)] == ["Robert"] * 3
    catch_up(replica)
    assert name() == "Robert"
    User.objects.filter(pk=bob.pk).update(name="Bob")
    catch_up(replica)
    with expecting(Outcome.ANSWERED, times=1):
        assert [name() for _number in range(3)] == ["Bob"] * 3


def test_a_batch_sees_its_own_mutation(replica: Standby, settings: Any) -> None:
    settings.BATCH_MAX = 3
    client = GraphQLClient(make_token(make_user("alice")))
    operations = [{"query": NAME}, {"query": RENAME, "variables": {"name": "One"}}, {"query": NAME}]
    catch_up(replica)
    with replaying_nothing(replica), expecting(Outcome.ANSWERED, times=1):
        answers: Any = client.post(json.dumps(operations)).body
        first, _renamed, last = answers
    assert first["data"]["me"]["name"] == ""
    assert last["data"]["me"]["name"] == "One"


def test_a_lost_connection_is_replaced(replica: Standby) -> None:
    client = GraphQLClient(make_token(make_user("alice")))
    catch_up(replica)
    client(NAME)
    end_connections(replica)
    with expecting(Outcome.ANSWERED, times=1), expecting(Outcome.FAILED, times=0):
        assert client(NAME).data["me"]["username"] == "alice"


def test_a_query_that_fails_halfway_is_repeated_on_the_primary(replica: Standby) -> None:
    client = GraphQLClient(make_token(make_user("alice")))
    query = "{ users(first: 5) { nodes { username } } sessions(first: 5) { nodes { userAgent } } }"
    catch_up(replica)
    expected = client(query).data
    with watched_pipelines() as pipelines, expecting(Outcome.FAILED, times=1):
        pipelines.after = partial(end_connections, replica)
        assert client(query).data == expected
    assert pipelines.sizes == [2]
    assert REPLICAS.choose(User().pk) is None


def test_a_paused_replica_is_left_and_taken_back(replica: Standby) -> None:
    client = GraphQLClient(make_token(make_user("alice")))
    catch_up(replica)
    client(NAME)
    replica.pause()
    try:
        with expecting(Outcome.FAILED, times=1):
            assert client(NAME).data["me"]["username"] == "alice"
        with expecting(Outcome.FAILED, times=0):
            assert client(NAME).data["me"]["username"] == "alice"
        assert REPLICAS.choose(User().pk) is None
    finally:
        replica.resume()
    wait_until_usable()
    with expecting(Outcome.ANSWERED, times=1):
        assert client(NAME).data["me"]["username"] == "alice"


def test_a_query_does_not_wait_for_a_paused_replica_again(replica: Standby) -> None:
    client = GraphQLClient(make_token(make_user("alice")))
    catch_up(replica)
    client(NAME)

    def resume() -> None:
        wait_until(lambda: REPLICAS.choose(User().pk) is None, "never left")
        replica.resume()

    # So that a busy machine does not take it back meanwhile.
    with patch.object(replicas, "RETRY_SECONDS", TIMEOUT), ThreadPoolExecutor(1) as other:
        replica.pause()
        resumed = other.submit(resume)
        # It would answer a second attempt.
        with expecting(Outcome.FAILED, times=1), expecting(Outcome.ANSWERED, times=0):
            assert client(NAME).data["me"]["username"] == "alice"
        resumed.result()


def test_a_replica_that_stops_amid_a_query_holds_it_to_its_deadline(
    replica: Standby, settings: Any
) -> None:
    """As one that sends an answer byte by byte, and answers polls."""
    settings.REQUEST_DEADLINE = 1.0
    client = GraphQLClient(make_token(make_user("alice")))
    end_connections(replica)
    wait_until_usable()
    catch_up(replica)
    with expecting(Outcome.ANSWERED, times=1):
        client(NAME)
    # The only one whose last statement ended a transaction.
    pid = replica.execute("SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT'")
    backend = psutil.Process(int(pid))
    ended, resumed = Event(), Event()

    def watch() -> None:
        """Disconnect what is overdue, as the server does, and at last let it end."""
        until = monotonic() + TIMEOUT
        while not ended.wait(0.05):
            disconnect_overdue()
            if monotonic() > until:
                resumed.set()
                backend.resume()

    watching = Thread(target=watch)
    backend.suspend()
    watching.start()
    try:
        with expecting(Outcome.FAILED, times=1):
            assert client(NAME).codes == ["QUERY_TIMEOUT"]
    finally:
        ended.set()
        watching.join()
        backend.resume()
    assert not resumed.is_set()


def test_a_replica_that_is_behind_is_left_and_taken_back(
    servers: list[Standby], transactional_db: None
) -> None:
    late = servers[1]
    alice, bob = make_user("alice"), make_user("bob", is_public=True)
    client = GraphQLClient(make_token(alice))
    query = '{ users(first: 5, search: "bob") { nodes { name } } }'
    with in_use(late, max_lag=1.0):
        wait_until_usable()
        with replaying_nothing(late):
            User.objects.filter(pk=bob.pk).update(name="Robert")
            wait_until(lambda: REPLICAS.choose(alice.pk) is None, "never left")
            assert client(query).data["users"]["nodes"] == [{"name": "Robert"}]
        wait_until_usable()


def test_the_age_is_checked_where_the_query_is_executed(
    servers: list[Standby], transactional_db: None
) -> None:
    late = servers[1]
    bob = make_user("bob", is_public=True)
    client = GraphQLClient(make_token(make_user("alice")))
    query = '{ users(first: 5, search: "bob") { nodes { name } } }'
    with in_use(late, max_lag=0.5):
        wait_until_usable()
        catch_up(late)
        # As an address that leads to several replicas, of which another one is not late.
        with replaying_nothing(late), patch.object(Replica, "is_usable", lambda _self: True):
            User.objects.filter(pk=bob.pk).update(name="Robert")
            before = count(Outcome.BEHIND)
            wait_until(lambda: client(query).data and count(Outcome.BEHIND) > before, "never late")
            assert client(query).data["users"]["nodes"] == [{"name": "Robert"}]


def test_drawn_writes_are_seen_by_the_next_read(
    servers: list[Standby], transactional_db: None
) -> None:
    rng = random.Random(SEED)  # noqa: S311 - not for secrets
    users = [make_user(f"user{number}") for number in range(4)]
    clients = [
        [GraphQLClient(make_token(user)), GraphQLClient(make_api_token(user, *ALL))]
        for user in users
    ]
    names = [""] * len(users)
    servers[0].execute("ALTER SYSTEM SET recovery_min_apply_delay = '50ms'")
    servers[0].execute("SELECT pg_reload_conf()")
    with in_use(*servers, max_lag=AGES):
        wait_until_usable()
        before = {each: count(each, "1") + count(each, "2") for each in Outcome}
        for number in range(ROUNDS):
            at = rng.randrange(len(users))
            if rng.random() < 0.5:
                names[at] = f"Name {number}"
                assert rng.choice(clients[at])(RENAME, name=names[at]).problems == []
            assert rng.choice(clients[at])(NAME).data["me"]["name"] == names[at]
        after = {each: count(each, "1") + count(each, "2") for each in Outcome}
    servers[0].execute("ALTER SYSTEM RESET recovery_min_apply_delay")
    servers[0].execute("SELECT pg_reload_conf()")
    assert after[Outcome.FAILED] == before[Outcome.FAILED]
    assert after[Outcome.BEHIND] > before[Outcome.BEHIND]
    assert after[Outcome.ANSWERED] > before[Outcome.ANSWERED]
