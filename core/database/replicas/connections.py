"""Connections to replicas, which another thread can interrupt, and polls with a time-out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import POLLIN, poll
from threading import Lock
from time import monotonic
from typing import Any, Final
from weakref import WeakSet

import psycopg
from django.db import Error
from psycopg.pq import ConnStatus, ExecStatus

from core.database.backend.base import DatabaseWrapper
from engine.internals.psycopg import disconnect

SECOND: Final = 1_000


class OpenConnections:
    """The connections of this process to a replica."""

    def __init__(self) -> None:
        """Start without connections."""
        self._connections: WeakSet[Any] = WeakSet()
        self._lock = Lock()

    def add(self, connection: Any) -> None:
        """Add psycopg's connection; one that is closed is forgotten."""
        with self._lock:
            self._connections.add(connection)

    def disconnect(self) -> None:
        """Have all connections fail at once, even those whose threads wait in libpq.

        A paused server would hold them forever: `statement_timeout` is its own, and its kernel
        acknowledges what is sent.
        """
        with self._lock:
            for each in self._connections:
                disconnect(each)


class ReplicaConnection(DatabaseWrapper):
    """Django's connection, as the alias ``default``, to a replica."""

    def __init__(self, parameters: dict[str, Any], opened: OpenConnections) -> None:
        """Take Django's settings of the database."""
        super().__init__(parameters)
        self._opened = opened
        self._may_connect: Callable[[], bool] | None = None

    @contextmanager
    def replaced_once(self, is_left: Callable[[], bool]) -> Iterator[None]:
        """Within the block, connect again only once, and not after the replica was left.

        Nothing interrupts an attempt to connect to a paused server, and a connection has no memory
        of the errors of the one before.
        """
        attempts = iter([True])
        self._may_connect = lambda: next(attempts, False) and not is_left()
        try:
            yield
        finally:
            self._may_connect = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, and let `OpenConnections.disconnect` interrupt the connection."""
        if self._may_connect is not None and not self._may_connect():
            raise psycopg.OperationalError("the connection was lost")
        connection = super().get_new_connection(conn_params)
        self._opened.add(connection)
        return connection


class PollError(Exception):
    """A server is unreachable, refuses, or does not answer in time."""


class Poll:
    """A statement for a number and a text that one thread executes repeatedly."""

    def __init__(self, connection: Any, sql: bytes, seconds: float) -> None:
        """Take Django's connection, a statement without parameters, and the time-out in seconds."""
        self._connection = connection
        self._sql = sql
        self._seconds = seconds

    def read(self) -> tuple[int, str] | None:
        """Return both; None if the statement returns no row or a null. Raises `PollError`."""
        is_new = self._connection.connection is None
        try:
            self._connection.ensure_connection()
            return self._read(self._connection.connection.pgconn)
        except (Error, psycopg.Error, OSError) as error:
            self.close()
            if is_new:
                raise PollError(str(error).strip()) from error
            # An idle connection may end, such as that of a pool that was restarted.
            return self.read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _read(self, libpq: Any) -> tuple[int, str] | None:
        until = monotonic() + self._seconds
        libpq.send_query(self._sql)
        libpq.flush()
        wait = poll()
        wait.register(libpq.socket, POLLIN)
        results: list[Any] = []
        # None follows the result.
        while not results or results[-1] is not None:
            while libpq.is_busy():
                if not wait.poll(max(0.0, until - monotonic()) * SECOND):
                    raise PollError("no answer in time")
                libpq.consume_input()
            results.append(libpq.get_result())
        result = results[0]
        if libpq.status == ConnStatus.BAD or result is None:
            raise psycopg.OperationalError("the connection was lost")
        if result.status != ExecStatus.TUPLES_OK:
            raise PollError(result.get_error_message())
        number, text = (
            result.get_value(0, column) if result.ntuples else None for column in (0, 1)
        )
        return None if number is None or text is None else (int(number), text.decode())
