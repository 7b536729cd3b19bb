"""How migrations are applied: short waits for locks, repeated, and recorded with their changes."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from django.db import OperationalError, transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg import errors

logger = logging.getLogger(__name__)

# All later statements on a table queue behind an ALTER that waits for its lock.
LOCK_TIMEOUT: Final = "500ms"
# PostgreSQL cancels an autovacuum that holds up a lock, but only after `deadlock_timeout` (1 s).
VACUUM_LOCK_TIMEOUT: Final = "1500ms"
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 5.0
# Seconds until a migration that gets no lock fails.
PATIENCE: Final = 300.0

# Visible to every role, unlike the activity of other roles. VACUUM and ANALYZE take this mode.
IS_VACUUMED: Final = """
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE mode = 'ShareUpdateExclusiveLock' AND locktype = 'relation' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""


class PatientExecutor(MigrationExecutor):
    """Repeats migrations that got no lock in time, or were victims of a deadlock.

    An atomic migration is recorded in its transaction. Django records it afterwards if SQL was
    deferred, such as that of foreign keys: cut in between, it could never be repeated.
    """

    def apply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        fake_initial: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> ProjectState:
        """Apply the migration, as Django does, until it gets its locks."""
        return self._repeat(
            migration,
            # Each attempt changes its own state.
            lambda: super(PatientExecutor, self).apply_migration(
                state.clone(), migration, fake, fake_initial
            ),
        )

    def unapply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> ProjectState:
        """Unapply the migration, as Django does, until it gets its locks."""
        return self._repeat(
            migration,
            lambda: super(PatientExecutor, self).unapply_migration(state, migration, fake),
        )

    def _repeat(self, migration: Migration, attempt: Callable[[], ProjectState]) -> ProjectState:
        deadline = time.monotonic() + PATIENCE
        pause = FIRST_PAUSE
        timeout = LOCK_TIMEOUT
        while True:
            try:
                with self._lock_timeout(timeout), self._transaction_of(migration):
                    return attempt()
            except OperationalError as error:
                if not _is_lock_error(error) or time.monotonic() + pause > deadline:
                    raise
            logger.warning(
                "A migration got no lock and is repeated",
                extra={"migration": str(migration), "pause_seconds": pause},
            )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            timeout = VACUUM_LOCK_TIMEOUT if self._is_vacuumed() else LOCK_TIMEOUT

    @contextmanager
    def _lock_timeout(self, timeout: str) -> Iterator[None]:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [timeout])
        try:
            yield
        finally:
            with self.connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")

    def _transaction_of(self, migration: Migration) -> AbstractContextManager[object]:
        return transaction.atomic(self.connection.alias) if migration.atomic else nullcontext()

    def _is_vacuumed(self) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute(IS_VACUUMED)
            (is_vacuumed,) = cursor.fetchone()
        return bool(is_vacuumed)


def _is_lock_error(error: OperationalError) -> bool:
    return isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)
