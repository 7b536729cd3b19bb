"""A cluster under load whose parts are restarted, killed and hung one by one.

`make chaos` runs this with more RESTARTS, STOPS, OUTAGE (in seconds) and MINUTES, and prints the
counts of each phase.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Final

import pytest

from tests.support.postgres_servers import PostgresServer
from tests.support.waiting import wait_until
from tests.system.chaos import report
from tests.system.cluster_clients import ClusterLoad, Exchange, probing, seconds, storm
from tests.system.whole_cluster import PATIENCE, Cluster, whole_cluster

RESTARTS: Final = int(os.environ.get("RESTARTS", "2"))
STOPS: Final = int(os.environ.get("STOPS", "2"))
OUTAGE: Final = float(os.environ.get("OUTAGE", "1"))
MINUTES: Final = float(os.environ.get("MINUTES", "0"))
LOG_INS: Final = 200
# Longer than requests may wait for a thread (WEB_QUEUE_MS).
HUNG_SECONDS: Final = 3
# In each third of the MINUTES.
SAMPLES: Final = 40
GROWTH: Final = 1.05

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(scope="module")
def cluster(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster; its memory is reported before and after the tests."""
    with whole_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        before = cluster.memory()
        yield cluster
        after = cluster.memory()
        report(
            "Memory (PSS / RSS in MiB) before and after",
            *(f"{name:16} {amounts(before[name])} {amounts(after[name])}" for name in after),
        )


def amounts(memory: tuple[float, float]) -> str:
    return f"{memory[0]:6.1f} / {memory[1]:6.1f}"


def assert_nothing_failed(load: ClusterLoad) -> None:
    assert load.journal.failed() == []
    assert_nothing_lost(load)


def assert_nothing_lost(load: ClusterLoad) -> None:
    assert load.stale == []
    assert load.lost() == set()


def assert_refused(failed: list[Exchange]) -> None:
    """Assert that what failed was refused in JSON, with the time of another attempt.

    What a hung PostgreSQL has received by then, it may cancel when it goes on.
    """
    others = [each for each in failed if each.problem != "QUERY_TIMEOUT"]
    assert [each for each in others if not each.is_refused] == []


def test_rolling_restarts_fail_no_request(cluster: Cluster) -> None:
    ports = cluster.web_ports
    with ClusterLoad(cluster, "rolling") as load:
        for number in range(RESTARTS):
            cluster.restart(ports[number % len(ports)])
        load.wait_for_writes()
    report(f"{RESTARTS} restarts of web processes", *load.counts())
    assert_nothing_failed(load)


def test_killed_web_process_fails_what_it_executes_only(cluster: Cluster) -> None:
    port = cluster.web_ports[0]
    with ClusterLoad(cluster, "killed") as load:
        began = time.monotonic()
        cluster.kill(port)
        ended = time.monotonic()
        load.wait_for_writes()
        wait_until(lambda: cluster.is_ready(port), "the killed process: ready", seconds=PATIENCE)
        load.wait_for_writes()
    failed = load.journal.failed()
    in_flight = [each for each in load.journal.exchanges if each.was_in_flight(began, began)]
    report(
        f"A web process of three killed: {len(in_flight)} requests in flight to all,"
        f" {len(failed)} failed",
        *load.counts(),
    )
    # What NGINX may repeat does not fail.
    assert load.journal.failed("GET") == []
    assert [
        each for each in failed if each.status != 502 or not each.was_in_flight(began, ended)
    ] == []
    # Each client waits for one request at a time.
    assert len(failed) <= load.clients
    assert_nothing_lost(load)


def test_redis_fails_no_request(cluster: Cluster) -> None:
    phases: tuple[tuple[str, Callable[[], None], Callable[[], None]], ...] = (
        ("hung", cluster.redis.stop, cluster.redis.resume),
        ("killed", cluster.redis.kill, cluster.redis.start),
    )
    for phase, begin, end in phases:
        with ClusterLoad(cluster, f"redis-{phase}") as load:
            begin()
            try:
                time.sleep(OUTAGE)
                load.wait_for_writes()
            finally:
                end()
            load.wait_for_writes()
        report(f"Redis {phase} for {OUTAGE:.0f} s", *load.counts())
        assert_nothing_failed(load)


def test_immediate_stops_of_postgresql_lose_no_acknowledged_write(cluster: Cluster) -> None:
    slowest = 0.0
    with ClusterLoad(cluster, "stops") as load:
        for _stop in range(STOPS):
            cluster.primary.stop_immediately()
            cluster.primary.start()
            started = time.monotonic()
            load.wait_for_writes()
            slowest = max(slowest, time.monotonic() - started)
    report(
        f"PostgreSQL stopped {STOPS} times; writes again {slowest:.1f} s after a start at most",
        *load.counts(),
    )
    assert_refused(load.journal.failed())
    assert_nothing_lost(load)


def hang(server: PostgresServer, load: ClusterLoad, is_enough: Callable[[], bool]) -> None:
    """Hang a server for some seconds and until a condition holds; wait for writes."""
    server.signal(signal.SIGSTOP)
    try:
        time.sleep(max(OUTAGE, HUNG_SECONDS))
        wait_until(is_enough, "the outage is noticed", seconds=PATIENCE)
    finally:
        server.signal(signal.SIGCONT)
    load.wait_for_writes()


def test_hung_postgresql_fails_no_probe(cluster: Cluster) -> None:
    # More than there are threads, so that some wait for one.
    with ClusterLoad(cluster, "hung", readers=24) as load, probing(cluster, load.journal, "/livez"):
        hang(cluster.primary, load, lambda: bool(load.journal.failed()))
        cluster.wait_until_ready()
    report(f"PostgreSQL hung for {max(OUTAGE, HUNG_SECONDS):.0f} s", *load.counts())
    assert load.journal.failed("livez") == []
    assert seconds(load.journal.of("livez"))[1] <= 1
    assert_refused(load.journal.failed())
    assert_nothing_lost(load)


def test_hung_replica_fails_no_request(cluster: Cluster) -> None:
    with ClusterLoad(cluster, "replica") as load:
        hang(cluster.replica, load, lambda: True)
    report(f"The replica hung for {max(OUTAGE, HUNG_SECONDS):.0f} s", *load.counts())
    assert_nothing_failed(load)


def test_storm_of_log_ins_fails_nothing_else(cluster: Cluster) -> None:
    with (
        ClusterLoad(cluster, "storm") as load,
        probing(cluster, load.journal, "/livez", "/readyz"),
    ):
        storm(cluster, load.journal, LOG_INS)
        load.wait_for_writes()
    refused = load.journal.failed("log-in")
    report(f"{LOG_INS} log-ins at once, {len(refused)} refused", *load.counts())
    assert len(refused) < len(load.journal.of("log-in")) == LOG_INS
    assert_refused(refused)
    assert load.journal.failed("GET", "POST", "write", "livez", "readyz") == []
    assert_nothing_lost(load)


def test_memory_does_not_grow(cluster: Cluster) -> None:
    """With MINUTES, under load; else the load is that of the other tests."""
    samples: list[dict[str, tuple[float, float]]] = []
    with ClusterLoad(cluster, "memory") as load:
        for _sample in range(3 * SAMPLES if MINUTES else 3):
            samples.append(cluster.memory())
            time.sleep(MINUTES * 60 / (3 * SAMPLES))
    thirds = {
        name: [median(each[name][0] for each in third) for third in in_thirds(samples)]
        for name in samples[0]
    }
    report(
        f"PSS in MiB, medians of three thirds of {MINUTES:.0f} minutes",
        *(
            f"{name:16} {first:6.1f} {second:6.1f} {last:6.1f}"
            for name, (first, second, last) in thirds.items()
        ),
        *load.counts(),
    )
    assert_nothing_failed(load)
    assert [name for name, (_first, second, last) in thirds.items() if last > GROWTH * second] == []


def in_thirds(
    samples: list[dict[str, tuple[float, float]]],
) -> Iterator[list[dict[str, tuple[float, float]]]]:
    size = len(samples) // 3
    for start in range(0, 3 * size, size):
        yield samples[start : start + size]
