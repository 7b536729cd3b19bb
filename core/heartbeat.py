"""A file that the loops of workers and Beat touch, for liveness probes.

A probe that goes through the broker would restart all workers when that fails. The age of a file
says that this process runs its loop, and costs no start of Python.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from celery import bootsteps
from celery.worker import consumer
from django.conf import settings

SECONDS: Final = 5.0


def beat() -> None:
    """Touch the file, if one is set."""
    if settings.HEARTBEAT_FILE:
        Path(settings.HEARTBEAT_FILE).touch()


class Consumer(consumer.Consumer):
    """Celery's consumer, which also beats while it waits for a broker that is down."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, however long it takes; kombu calls back each second."""
        connect: Callable[..., Any] = conn.ensure_connection

        def connect_and_beat(*args: Any, callback: Callable[[], Any], **options: Any) -> Any:
            def call_back() -> None:
                beat()
                callback()

            return connect(*args, callback=call_back, **options)

        conn.ensure_connection = connect_and_beat
        return super().ensure_connected(conn)


class Heartbeat(bootsteps.StartStopStep):
    """Beats by the event loop's timer, which each new connection clears."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, parent: Any) -> None:
        """Beat now, and every `SECONDS`."""
        beat()
        parent.timer.call_repeatedly(SECONDS, beat)
