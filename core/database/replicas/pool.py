"""The replicas of this process, watched by threads of their own."""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from prometheus_client import Counter

from core.database.replicas.connections import Poll, PollError, ReplicaConnection
from core.database.replicas.positions import Position, Positions
from core.database.replicas.replica import Replica

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.25
# A server that answers no sooner is paused, unreachable or overloaded.
POLL_TIMEOUT: Final = 1.0
# What is flushed is committed, and may be on its way to the replicas. After a promotion, the first
# poll marks the new timeline; the next one reads the mark.
WRITTEN: Final = b"""
    WITH present AS MATERIALIZED (
        SELECT pg_current_wal_flush_lsn() AS position,
            left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS timeline
    ), marked AS (
        INSERT INTO replicas_timeline AS former (id, timeline, mark)
        SELECT 1, timeline, gen_random_uuid() FROM present
        WHERE NOT EXISTS (SELECT FROM replicas_timeline AS same JOIN present USING (timeline))
        ON CONFLICT (id) DO UPDATE SET timeline = EXCLUDED.timeline, mark = EXCLUDED.mark
        WHERE former.timeline <> EXCLUDED.timeline
    )
    SELECT (position - '0/0'::pg_lsn)::bigint, mark
    FROM present JOIN replicas_timeline USING (timeline)
"""
# No row on a server that is no replica, such as one that was promoted.
REPLAYED: Final = b"""
    SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint, mark
    FROM replicas_timeline WHERE pg_is_in_recovery()
"""
NONE_USABLE: Final = Counter(
    "database_replicas_unusable", "Queries executed by the primary, as no replica was usable."
)


class Replicas:
    """Chooses a replica for each query, and leaves those that are behind, paused or gone.

    Its threads start with the first query of a process, and end by `configure`.
    """

    def __init__(self, databases: Sequence[dict[str, Any]], max_lag: float) -> None:
        """Take Django's settings of the databases, and how many seconds they may be behind."""
        self._replicas: list[Replica] = []
        self.forget_threads()
        self.configure(databases, max_lag)

    def configure(self, databases: Sequence[dict[str, Any]], max_lag: float) -> None:
        """Use other replicas from now on."""
        self.stop()
        for each in self._replicas:
            each.close()
        defaults = connections.settings[DEFAULT_DB_ALIAS]
        self._positions = Positions()
        self._replicas = [
            Replica(str(number), defaults | database, self._positions, max_lag)
            for number, database in enumerate(databases, 1)
        ]
        self.is_configured = bool(databases)

    def stop(self) -> None:
        """End the threads; the next query starts others."""
        if self._stopped is not None:
            self._stopped.set()
            for each in self._threads:
                each.join()
        self.forget_threads()

    def forget_threads(self) -> None:
        """Start without threads: after a fork, they are the parent's."""
        self._lock = Lock()
        self._stopped: Event | None = None
        self._threads: list[Thread] = []

    def choose(self, user_id: UUID) -> Replica | None:
        """Return a usable replica; None if there is none.

        It is the same for a user as long as it is usable. So what others have written does not
        appear and vanish again between two of the user's requests.
        """
        if self._stopped is None:
            self._start()
        count = len(self._replicas)
        first = user_id.int % count
        for number in range(first, first + count):
            replica = self._replicas[number % count]
            if replica.is_usable():
                return replica
        NONE_USABLE.inc()
        return None

    def _start(self) -> None:
        with self._lock:
            if self._stopped is not None:
                return
            self._stopped = Event()
            watches: list[Callable[[Event], None]] = [
                _PrimaryWatch(self._positions),
                *map(_ReplicaWatch, self._replicas),
            ]
            self._threads = [
                Thread(target=each, args=(self._stopped,), name="replicas", daemon=True)
                for each in watches
            ]
            for each in self._threads:
                each.start()


class _PrimaryWatch:
    """Reads the primary's position again and again."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions

    def __call__(self, stopped: Event) -> None:
        """Read until the event."""
        # Not the thread's own, so that it is the primary's whatever a test has made of that.
        poll = Poll(connections.create_connection(DEFAULT_DB_ALIAS), WRITTEN, POLL_TIMEOUT)
        while not stopped.wait(POLL_SECONDS):
            at = monotonic()
            # Without positions, no replica is known to be fresh.
            with suppress(PollError):
                found = poll.read()
                if found is not None:
                    self._positions.add(at, Position(*found))
        poll.close()


class _ReplicaWatch:
    """Asks a replica again and again what it has replayed."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def __call__(self, stopped: Event) -> None:
        """Ask until the event."""
        replica, was_usable = self._replica, False
        connection = ReplicaConnection(replica.parameters, replica.opened)
        poll = Poll(connection, REPLAYED, POLL_TIMEOUT)
        while not stopped.wait(POLL_SECONDS):
            problem = "it is too far behind, or does not follow the primary"
            try:
                found = poll.read()
                replica.confirm(None if found is None else Position(*found))
            except PollError as error:
                problem = str(error)
                replica.leave()
            is_usable = replica.is_usable()
            if is_usable and not was_usable:
                logger.info("replica in use", extra={"replica": replica.name})
            elif was_usable and not is_usable:
                logger.warning("replica left", extra={"replica": replica.name, "error": problem})
            was_usable = is_usable
        poll.close()


REPLICAS: Final = Replicas(settings.DATABASE_REPLICAS, settings.DATABASE_REPLICA_MAX_LAG)
os.register_at_fork(after_in_child=REPLICAS.forget_threads)
