"""Nudges: workers learn of messages after the commit, and no request waits for the broker.

Each process that publishes has one thread that sends. What is committed while it sends, pauses or
waits for the broker goes out together, in one message of the broker for each queue. A lost nudge is
harmless, because `relay` finds the rows. After a failure, nudges are dropped for some seconds, so
that a broker that hangs costs one time-out in that time.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from celery.signals import worker_process_shutdown
from kombu.exceptions import OperationalError

from core.circuit_breaker import CircuitBreaker, CircuitOpenError
from core.outbox.dispatch import Dispatcher, Due, dispatcher, log_outage

logger = logging.getLogger(__name__)

# For each queue: more than a process commits while it waits for a broker that hangs.
MAX_PENDING: Final = 1_000
# Under load, what is committed in this time is sent together: sending takes a millisecond of CPU,
# for however many messages. The first nudge does not wait.
PAUSE_SECONDS: Final = 0.05
# How long the exit of a process may take; more than the time-outs of the broker.
FLUSH_SECONDS: Final = 4.0
# After a failure, until the broker is tried again.
OPEN_SECONDS: Final = 5.0

Nudges: TypeAlias = Mapping[str, Sequence[Due]]


class Nudger:
    """Sends nudges on a thread, which starts with a nudge whenever there is none."""

    def __init__(self) -> None:
        """Start without nudges."""
        self.reset()

    def reset(self) -> None:
        """Start without nudges: after a fork, lock, thread and nudges are the parent's."""
        self._changed = threading.Condition()
        self._pending: dict[str, list[Due]] = {}
        self._is_sending = False
        self._thread: threading.Thread | None = None

    def nudge(self, messages: Nudges) -> None:
        """Have workers deliver committed messages, given by queue; return at once.

        Beyond `MAX_PENDING`, messages are left to `relay`.
        """
        with self._changed:
            for queue, added in messages.items():
                pending = self._pending.setdefault(queue, [])
                pending += added[: MAX_PENDING - len(pending)]
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
        circuit = CircuitBreaker("broker", failures=1, seconds=OPEN_SECONDS)
        while True:
            # A new connection after an outage: a broken one may not recover.
            with dispatcher() as broker:
                while self._send_next(broker, circuit):
                    time.sleep(PAUSE_SECONDS)

    def _send_next(self, broker: Dispatcher, circuit: CircuitBreaker) -> bool:
        """Wait for nudges, and send or drop all of them; return False after a failure."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending)
            pending, self._pending = self._pending, {}
            self._is_sending = True
        try:
            circuit.call(partial(_send, broker, pending))
        except CircuitOpenError:
            return True
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


def _send(broker: Dispatcher, pending: Nudges) -> None:
    for queue, messages in pending.items():
        broker.send(queue, messages)


nudger: Final = Nudger()
os.register_at_fork(after_in_child=nudger.reset)
atexit.register(nudger.flush, FLUSH_SECONDS)


@worker_process_shutdown.connect(dispatch_uid=__name__)
def flush(**_signal: object) -> None:
    """Flush in the processes of a Celery worker, which do not run `atexit`."""
    nudger.flush(FLUSH_SECONDS)
