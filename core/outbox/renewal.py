"""Renewal of leases while a worker processes a message.

A short lease is what makes the message of a killed worker due soon. The task's time limit ends a
subscriber that hangs, and the process with the thread.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import Error, connection

from core.outbox.leases import RENEWED, lease_of
from core.outbox.models import OutboxMessage

logger = logging.getLogger(__name__)

# Renewals per lease: one may fail without the lease being lost.
FREQUENCY: Final = 3


@contextmanager
def renewing(message: OutboxMessage) -> Iterator[None]:
    """Renew the lease of a claimed message until the block ends.

    Only of the queues in `RENEWED`.
    """
    if message.queue not in RENEWED:
        yield
        return
    is_done = threading.Event()
    thread = threading.Thread(
        target=_renew, args=(message, is_done), name="lease renewal", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _renew(message: OutboxMessage, is_done: threading.Event) -> None:
    """Renew until the event is set or the lease is lost.

    Most messages take less time than the first wait, and need no connection.
    """
    seconds = lease_of(message.queue).total_seconds() / FREQUENCY
    while not is_done.wait(seconds):
        try:
            is_held = OutboxMessage.objects.renew(message)
        except Error as error:
            logger.warning("lease not renewed", extra={"error": type(error).__name__})
        else:
            if not is_held:
                return
        finally:
            # Of this thread.
            connection.close()
