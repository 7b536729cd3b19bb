"""A primary that fails over: no acknowledged write is lost, and no answer is wrong.

The test promotes the standby of two servers, whose addresses are both in the URL. `make failover`
does so FAILOVERS times and prints the counts; then it leaves the same to Patroni, behind HAProxy.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.support.postgres_servers import server_directory
from tests.support.service_processes import without_owner
from tests.support.waiting import wait_until
from tests.system.cluster import ROOT, Replica
from tests.system.failover import DATABASE, Client, Pair
from tests.system.patroni import PatroniPair
from tests.system.services import log_in

FAILOVERS: Final = int(os.environ.get("FAILOVERS", "2"))
# Patroni takes a while to start, and its packages are not needed for `make test-system`.
PAIRS: Final = (Pair, PatroniPair) if "FAILOVERS" in os.environ else (Pair,)
CLIENTS: Final = 3
# From the kill to the first acknowledged write of every client.
SECONDS_TO_RECOVER: Final = 15
CANCEL: Final = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
# Renews the grants, too.
SET_UP: Final = """
import django; django.setup()
from django.core.management import call_command
from tests.support.factories import make_users
call_command("migrate", interactive=False, verbosity=0)
make_users(f"writer{{number}}" for number in range({count}))
"""


# For the database that is copied.
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[Pair | PatroniPair]:
    with server_directory() as directory, ExitStack() as stack:
        pair: Pair | PatroniPair = request.param(directory)
        stack.callback(pair.stop)
        pair.primary.copy_test_database(DATABASE)
        variables = environ(pair) | {"MIGRATION_DATABASE_URL": pair.url("roster_owner")}
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SET_UP.format(count=CLIENTS)],
            cwd=ROOT,
            env=without_owner() | {"DJANGO_SETTINGS_MODULE": "core.settings"} | variables,
            check=True,
        )
        yield pair


def environ(pair: Pair | PatroniPair) -> dict[str, str]:
    return {"DATABASE_URL": pair.url("roster"), "GRAPHQL_POINTS_PER_MINUTE": "0"}


@pytest.fixture(scope="module")
def service(
    pair: Pair | PatroniPair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replica]:
    replica = Replica(
        tmp_path_factory.mktemp("service") / "log",
        **environ(pair),
        MIGRATION_DATABASE_URL=pair.url("roster"),
    )
    replica.start()
    try:
        replica.wait_until_ready()
        yield replica
    finally:
        replica.kill()


def stored(pair: Pair | PatroniPair) -> list[int]:
    """Return what the primary has of each client's writes."""
    with pair.primary.connect(DATABASE) as connection:
        rows = connection.execute(
            "SELECT bio FROM accounts_profile JOIN accounts_user ON user_id = id"
            " WHERE username LIKE 'writer_' ORDER BY username"
        ).fetchall()
    return [int(bio or 0) for (bio,) in rows]


def clients_of(service: Replica) -> list[Client]:
    tokens = [log_in(service, f"writer{number}")["accessToken"] for number in range(CLIENTS)]
    return [Client(service.port, token) for token in tokens]


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_a_failed_primary_costs_seconds_and_no_acknowledged_write(
    pair: Pair | PatroniPair, service: Replica
) -> None:
    clients = clients_of(service)
    recoveries = []
    with ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
        for _failover in range(FAILOVERS):
            begun = time.monotonic()
            wait_until(lambda: all(c.last_write > begun for c in clients), "writes")  # noqa: B023
            killed = pair.fail_over()
            promoted = time.monotonic()
            wait_until(lambda: all(c.last_write > promoted for c in clients), "recovery")  # noqa: B023
            recoveries.append(max(client.last_write for client in clients) - killed)
            for number, client in zip(stored(pair), clients, strict=True):
                assert number <= client.attempted
            pair.repair()
    lost = [
        client.acknowledged
        for number, client in zip(stored(pair), clients, strict=True)
        if not client.acknowledged <= number <= client.attempted
    ]
    wrong = [each for client in clients for each in client.wrong]
    writes, reads = sum(c.attempted for c in clients), sum(c.reads for c in clients)
    print(  # noqa: T201 - what `make failover` is for
        f"\n{type(pair).__name__}: {FAILOVERS} failovers under {writes} writes and {reads} reads:"
        f"\n  acknowledged {sum(c.attempted - c.unknown for c in clients)}, lost {len(lost)}"
        f"\n  failed {sum(c.unknown for c in clients)} writes and"
        f" {sum(c.failed_reads for c in clients)} reads, wrong answers {len(wrong)}"
        f"\n  service back after {max(recoveries):.1f} s at most;"
        f" slowest answer {max(c.slowest for c in clients):.1f} s"
    )
    assert wrong == []
    assert lost == []
    assert max(recoveries) <= SECONDS_TO_RECOVER


@pytest.mark.parametrize("pair", [Pair], indirect=True)
def test_a_commit_that_no_standby_confirmed_is_not_acknowledged(
    pair: Pair, service: Replica
) -> None:
    """PostgreSQL only warns of a commit whose wait is cancelled."""
    (client, *_others) = clients_of(service)
    before = client.acknowledged = client.attempted = stored(pair)[0]
    pair.standby.signal(signal.SIGSTOP)
    try:
        with client, pair.primary.connect() as administrator:
            wait_until(lambda: administrator.execute(CANCEL).fetchall(), "waiting commit")
            wait_until(lambda: client.attempted > before + 1, "answer")
            client.stop()
            # The next commit waits, too.
            wait_until(lambda: administrator.execute(CANCEL).fetchall(), "waiting commit")
    finally:
        pair.standby.signal(signal.SIGCONT)
    assert (client.acknowledged, client.wrong) == (before, [])
    # They were committed on the primary.
    assert stored(pair)[0] == client.attempted == before + client.unknown
