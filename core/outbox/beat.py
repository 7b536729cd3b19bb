"""Celery Beat's scheduler: of several Beats, one sends the periodic tasks."""

import logging
import time
from typing import Any, Final
from uuid import uuid4

from celery.beat import PersistentScheduler
from django.db import Error, connection
from kombu.exceptions import OperationalError

from core import heartbeat
from core.outbox.models import BeatLease

logger = logging.getLogger(__name__)

# Several renewals fit into a lease, so that one may fail.
RENEW_SECONDS: Final = 3.0


class Scheduler(PersistentScheduler):
    """Sends what is due while it holds the lease; `settings.CELERY_BEAT_SCHEDULER`.

    So a second Beat is harmless, and takes over when the first one has died.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start without the lease."""
        self._holder = uuid4()
        self._renewed_at: float | None = None
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send the next task that is due; return the seconds until the next call."""
        heartbeat.beat()
        # Without the broker, the lease is left to a Beat that reaches it, and no entry is advanced.
        if not self._is_connected() or not self._holds_lease():
            return RENEW_SECONDS
        return min(super().tick(*args, **kwargs), RENEW_SECONDS)

    def close(self) -> None:
        """Release the lease, so that another Beat need not wait until it expires."""
        if self._renewed_at is not None:
            try:
                BeatLease.objects.release(self._holder)
            except Error as error:
                _log("database", error)
            connection.close()
            self._renewed_at = None
        super().close()

    def _ensure_connected(self) -> Any:
        # Celery retries within one tick, so Beat would not beat while the broker is down.
        return self.connection.ensure_connection(max_retries=0)

    def _is_connected(self) -> bool:
        try:
            # Connects when it is first read.
            _ = self.producer
        except OperationalError as error:
            _log("broker", error)
            return False
        return True

    def _holds_lease(self) -> bool:
        now = time.monotonic()
        if self._renewed_at is not None and now - self._renewed_at < RENEW_SECONDS:
            return True
        was_holder = self._renewed_at is not None
        try:
            # As before each request: a broken connection is replaced.
            connection.close_if_unusable_or_obsolete()
            is_holder = BeatLease.objects.renew(self._holder)
        except Error as error:
            # Tasks would not find the database either.
            _log("database", error)
            is_holder = False
        self._renewed_at = now if is_holder else None
        if is_holder != was_holder:
            logger.info("beat %s", "sends the tasks" if is_holder else "waits for another one")
        return is_holder


def _log(server: str, error: Exception) -> None:
    logger.warning("beat cannot reach the %s", server, extra={"error": type(error).__name__})
