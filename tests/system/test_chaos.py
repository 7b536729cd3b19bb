"""Nothing is lost or counted twice while workers, brokers, Beat and mail servers fail.

`make chaos` runs this with more MAILS, KILLS and SECONDS of each outage, and prints the counts.
"""

import asyncio
import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any, Final
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from celery import current_app
from django.utils import timezone

from core.dev.ports import free_port
from core.outbox.models import BEAT_LEASE, BeatLease, OutboxMessage
from core.outbox.queues import Queue
from tests.server.servers import serving
from tests.support.celery_workers import NAME, Workers
from tests.support.client import GraphQLClient
from tests.support.factories import make_token, make_users
from tests.support.redis_servers import RedisBroker
from tests.support.service_processes import environ_of_tests
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tests.system.chaos import (
    ME,
    MEAN_LIFE,
    Arrivals,
    Broker,
    Fleet,
    Load,
    RabbitBroker,
    beat,
    milliseconds,
    report,
    reset_of,
)
from users.activity.models import Event, EventSeal, IntervalCounts
from users.activity.tags import Tag

MAILS: Final = int(os.environ.get("MAILS", "60"))
KILLS: Final = int(os.environ.get("KILLS", "8"))
# Of each phase of an outage.
SECONDS: Final = float(os.environ.get("SECONDS", "2"))
PATIENCE: Final = 300
WORKERS: Final = 3
RESETS_PER_SECOND: Final = 15
PERIODIC: Final = ("seal_events", "roll_up_events")
RELAY: Final = """
import time
import django; django.setup()
from core.outbox import tasks
from core.outbox.dispatch import dispatcher
from core.outbox.models import OutboxMessage
tasks.MAX_WAITING = 10**9
begun = time.monotonic()
while OutboxMessage.objects.undispatched().exists():
    tasks.relay()
taken = time.monotonic() - begun
with dispatcher() as broker:
    print(broker.waiting("default"), taken)
"""
# Celery's own scheduler, without our lease: as if two Beats held it.
BOTH_SEND: Final = ("--scheduler", "celery.beat:PersistentScheduler")
SIGN_UP: Final = "mutation ($i: SignUpInput!) { signUp(input: $i) { errors { code } } }"

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module", params=[RedisBroker, RabbitBroker])
def module_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    """Run a broker for all tests, because RabbitMQ takes seconds to start."""
    broker: Broker = request.param(tmp_path_factory.mktemp("broker"))
    with broker.running():
        yield broker


@pytest.fixture
def broker(module_broker: Broker) -> Iterator[Broker]:
    """The broker, which a test may stop, kill and leave messages in."""
    yield module_broker
    if module_broker.has_ended:
        module_broker.start()
    else:
        module_broker.resume()
    module_broker.flush()


@pytest.fixture
def environ(broker: Broker) -> dict[str, str]:
    """The environment of a service on the broker, behind a proxy."""
    return web_environ(CELERY_BROKER_URL=broker.url)


def web_environ(**environ: str) -> dict[str, str]:
    return environ_of_tests(
        DJANGO_SETTINGS_MODULE="core.settings", TRUSTED_PROXIES="1", WEB_ACCESS_LOG="0", **environ
    )


def delivered() -> bool:
    return not OutboxMessage.objects.exists()


def test_killed_workers_lose_no_mail(
    broker: Broker, environ: dict[str, str], mails: Sink, tmp_path: Path
) -> None:
    usernames = [user.username for user in make_users(f"person{n}" for n in range(MAILS))]
    # Mails for as long as workers are killed.
    rate = MAILS * WORKERS / (KILLS * MEAN_LIFE)
    with (
        beat(environ, tmp_path / "schedule"),
        Arrivals(mails) as arrivals,
        serving(**environ) as server,
        Fleet(environ, WORKERS, kills=KILLS) as fleet,
        Load(server, reset_of(usernames), per_second=rate, limit=MAILS) as load,
    ):
        wait_until(lambda: load.is_over and fleet.is_at_peace and delivered(), seconds=PATIENCE)
    times = arrivals.times
    waits = sorted(
        times[f"{name}@example.org"][0] - sent
        for name, sent in zip(usernames, load.sent, strict=True)
        if f"{name}@example.org" in times
    )
    repeated = {email: each for email, each in times.items() if len(each) > 1}
    cuts = quantiles(waits, n=100, method="inclusive")
    report(
        f"{type(broker).__name__}: {len(fleet.kills)} workers killed over {MAILS} mails",
        f"lost {MAILS - len(times)}, repeated {len(repeated)} under the same Message-ID",
        f"delivered after p50 {cuts[49]:.1f} s, p99 {cuts[98]:.1f} s, max {waits[-1]:.1f} s",
    )
    assert set(times) == {f"{name}@example.org" for name in usernames}
    # Only a worker that was killed after the SMTP server had accepted the mail.
    for first, *others in repeated.values():
        assert any(first <= killed <= again for killed in fleet.kills for again in others)
    assert all(len(ids) == 1 for ids in arrivals.ids.values())
    assert not OutboxMessage.objects.failed().exists()


def test_a_second_beat_waits_and_takes_over(tmp_path: Path) -> None:
    environ = web_environ()

    def holder() -> UUID | None:
        return BeatLease.objects.values_list("holder", flat=True).first()

    with beat(environ, tmp_path / "first") as first:
        wait_until(lambda: holder() is not None, seconds=PATIENCE)
        killed = holder()
        with beat(environ, tmp_path / "second") as second:
            first.kill()
            first.wait()
            # Instead of waiting until it expires.
            BeatLease.objects.update(renewed_at=timezone.now() - BEAT_LEASE)
            wait_until(lambda: holder() not in {None, killed}, seconds=PATIENCE)
            second.terminate()
            second.wait(PATIENCE)
    # An orderly stop releases the lease.
    assert holder() is None


def test_no_request_waits_for_a_broker_that_fails(
    broker: Broker, environ: dict[str, str], mails: Sink, tmp_path: Path
) -> None:
    phases = (
        ("as usual", None, None),
        ("flushed", broker.flush, broker.flush),
        ("hung", broker.stop, broker.resume),
        # It still refuses while it starts.
        ("refused", broker.kill, broker.start),
        ("restarted", None, None),
    )
    # RabbitMQ takes some time to start.
    count = int((SECONDS * len(phases) + 60) * RESETS_PER_SECOND)
    usernames = [user.username for user in make_users(f"person{n}" for n in range(count))]
    (reader,) = make_users(["reader"])
    with (
        serving(**environ) as server,
        beat(environ, tmp_path / "schedule"),
        Workers(environ, name=f"{NAME}.1") as workers,
        workers.running(),
        Arrivals(mails) as arrivals,
    ):
        with (
            Load(server, reset_of(usernames), per_second=RESETS_PER_SECOND, limit=count) as writes,
            Load(server, lambda _number: ME, per_second=10, token=make_token(reader)) as reads,
        ):
            wait_until(lambda: bool(reads.sent and writes.sent), seconds=PATIENCE)
            for phase, begin, end in phases:
                reads.phase = writes.phase = phase
                if begin:
                    begin()
                time.sleep(SECONDS)
                if end:
                    end()
        wait_until(delivered, seconds=PATIENCE)
    lost = {f"{name}@example.org" for name in usernames[: len(writes.sent)]} - set(arrivals.times)
    report(
        f"{type(broker).__name__}: {len(writes.sent)} mails, lost {len(lost)}",
        *(
            f"{phase:9} {kind:6} {milliseconds(load.taken[phase])}"
            for phase, *_others in phases
            for kind, load in (("reads", reads), ("resets", writes))
        ),
    )
    assert not lost


def sign_up(name: str) -> None:
    """Sign up, which is mailed and counted."""
    account = {"email": f"{name}@example.org", "username": name, "password": "a long phrase"}
    assert GraphQLClient()(SIGN_UP, i=account).problems == []


def counted() -> int:
    days = IntervalCounts.objects.filter(interval="day", dimension="all")
    return sum(days.values_list("sign_ups", flat=True))


def count_events() -> None:
    """Send the periodic tasks that count; Beat sends them every minute."""
    seal, roll_up = (current_app.tasks[f"users.activity.{name}"] for name in PERIODIC)
    (seal.si() | roll_up.si()).delay()


class HangingSink(Sink):
    """An SMTP server that does not answer RCPT while it hangs."""

    is_hung = True

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        while self.is_hung:  # noqa: ASYNC110 - a test's thread ends it
            await asyncio.sleep(0.05)
        return await super().handle_RCPT(server, session, envelope, address, options)


def test_hung_mail_server_delays_mails_only(tmp_path: Path) -> None:
    sink = HangingSink()
    smtp = Controller(sink, hostname="127.0.0.1", port=free_port())
    smtp.start()
    environ = web_environ(EMAIL_URL=f"smtp://127.0.0.1:{smtp.port}")
    names = [f"person{number}" for number in range(20)]
    try:
        with (
            beat(environ, tmp_path / "schedule"),
            Workers(environ, "--queues", Queue.MAIL, name=f"{NAME}.1") as of_mail,
            Workers(environ, "--exclude-queues", Queue.MAIL, name=f"{NAME}.2") as of_others,
            of_mail.running(),
            of_others.running(),
        ):
            for name in names:
                sign_up(name)
            ends_at = time.monotonic() + 10 * SECONDS
            count_events()
            wait_until(lambda: counted() == len(names), seconds=PATIENCE)
            assert EventSeal.objects.count() >= len(names)
            waiting = OutboxMessage.objects.filter(queue=Queue.MAIL).count()
            assert waiting == len(names)
            time.sleep(max(ends_at - time.monotonic(), 0))
            sink.is_hung = False
            # Some pause after a failed attempt, and then need not wait.
            OutboxMessage.objects.update(retry_at=None)
            wait_until(delivered, seconds=PATIENCE)
    finally:
        smtp.stop()
    report(
        "SMTP server hung",
        f"counted {counted()} of {len(names)} events meanwhile, and sealed; {waiting} mails waited",
        f"mails afterwards {sink.mails.qsize()}",
    )
    assert {sink.next()["To"] for _name in names} == {f"{name}@example.org" for name in names}


def test_no_event_is_counted_twice_by_two_beats(mails: Sink, settings: Any, tmp_path: Path) -> None:
    # What is lost is due soon; counting does not take so long.
    settings.OUTBOX_LEASE = dt.timedelta(seconds=5)
    environ = web_environ(OUTBOX_LEASE_SECONDS="5")
    names = [f"person{number}" for number in range(40)]
    first, second, third = (tmp_path / f"schedule{number}" for number in range(3))
    with Workers(environ, name=f"{NAME}.1") as workers, workers.running():
        with beat(environ, first, *BOTH_SEND) as killed, beat(environ, second, *BOTH_SEND):
            for name in names[:20]:
                sign_up(name)
            killed.kill()
            # What a broker loses is for the relays.
            purge()
            for name in names[20:]:
                sign_up(name)
                count_events()
            purge()
        with beat(environ, third, *BOTH_SEND):
            wait_until(delivered, seconds=PATIENCE)
            count_events()
            wait_until(lambda: counted() == len(names), seconds=PATIENCE)
    events = Event.objects.filter(tag=Tag.SIGN_UP_REQUESTED).count()
    report("Beat killed and doubled", f"events {events}, counted {counted()}")
    assert counted() == events == len(names)


def purge() -> None:
    with current_app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        for queue in current_app.amqp.queues:
            channel.queue_purge(queue)


def test_relay_after_an_outage(broker: Broker, environ: dict[str, str]) -> None:
    """What `make chaos` prints is the rate; that nothing is missing is shown elsewhere."""
    count = MAILS * 20
    OutboxMessage.objects.bulk_create(
        OutboxMessage(subscriber="none", payload={}, dispatch_at=timezone.now())
        for _number in range(count)
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RELAY],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    dispatched, seconds = result.stdout.split()
    report(f"{type(broker).__name__}: relay", f"{int(dispatched) / float(seconds):.0f} messages/s")
    assert int(dispatched) == count
