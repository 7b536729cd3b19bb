"""Nudges: workers learn of messages after the commit, and no request waits for the broker.

Each process that publishes has one thread that sends. What is committed while it sends, pauses or
waits for the broker goes out together in one message of the broker. A lost nudge is harmless,
because `relay` finds the rows.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from celery import current_app
from celery.signals import worker_process_shutdown
from kombu import Connection
from kombu.exceptions import OperationalError

from core.outbox.dispatch import Due, dispatch_together, log_outage

logger = logging.getLogger(__name__)

# More than a process commits while it waits for the time-outs of a broker that hangs.
MAX_PENDING: Final = 1_000
# Under load, what is committed in this time is sent together: sending takes a millisecond of CPU,
# for however many messages. The first nudge does not wait.
PAUSE_SECONDS: Final = 0.05
# How long the exit of a process may take; more than the time-outs of the broker.
FLUSH_SECONDS: Final = 4.0


class Nudger:
    """Sends nudges on a thread, which starts with a nudge whenever there is none."""

    def __init__(self, send: Callable[[Sequence[Due], Connection], None]) -> None:
        """Send by this function, which may raise kombu's `OperationalError`."""
        self._send = send
        self.reset()

    def reset(self) -> None:
        """Start without nudges: after a fork, lock, thread and nudges are the parent's."""
        self._changed = threading.Condition()
        self._pending: list[Due] = []
        self._is_sending = False
        self._thread: threading.Thread | None = None

    def nudge(self, messages: Sequence[Due]) -> None:
        """Have a worker deliver committed messages; return at once.

        Beyond `MAX_PENDING`, messages are left to `relay`.
        """
        with self._changed:
            self._pending += messages[: MAX_PENDING - len(self._pending)]
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until all nudges are sent or lost; return False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._pending or self._is_sending), timeout=seconds
            )

    def _run(self) -> None:
        while True:
            # A new connection after an outage: a broken one may not recover.
            with current_app.connection_for_write() as connection:
                while self._send_next(connection):
                    time.sleep(PAUSE_SECONDS)

    def _send_next(self, connection: Connection) -> bool:
        """Wait for nudges, and send all of them; return False if the broker is unreachable."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending)
            messages, self._pending = self._pending, []
            self._is_sending = True
        try:
            self._send(messages, connection)
        except OperationalError as error:
            log_outage(error)
            return False
        except Exception:
            # The thread must go on, or the exit of the process would wait for what is pending.
            logger.exception("nudge failed; the outbox keeps the work")
            return False
        finally:
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
        return True


nudger: Final = Nudger(dispatch_together)
os.register_at_fork(after_in_child=nudger.reset)
atexit.register(nudger.flush, FLUSH_SECONDS)


@worker_process_shutdown.connect(dispatch_uid=__name__)
def flush(**_signal: object) -> None:
    """Flush in the processes of a Celery worker, which do not run `atexit`."""
    nudger.flush(FLUSH_SECONDS)
