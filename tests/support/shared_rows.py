"""Rows shared by many tests: built once per run, and restored by rollback.

Like Django's `setUpTestData`, but for all consecutive tests with the same rows, across modules. A
test's transaction is a savepoint in the transaction of the rows.
"""

import pickle
import time
from collections.abc import Callable
from typing import Any, Final

from django.db import connection, transaction

# In seconds. The sessions' authentication ages, and PostgreSQL's `now()` is fixed since the rows
# were built, because it does not advance within a transaction.
MAX_AGE: Final = 60
NOTHING: Final = pickle.dumps(None)


class SharedRows:
    """At most one set of rows, in a transaction that stays open between tests."""

    def __init__(self) -> None:
        self._transaction: transaction.Atomic | None = None
        self._build: Callable[[], Any] | None = None
        self._built = NOTHING
        self._built_at = 0.0

    def get(self, build: Callable[[], Any] | None) -> Any:
        """Return a copy of the result of ``build``, which creates the rows; None removes them.

        Call it only outside of a test's transaction.
        """
        is_old = time.monotonic() - self._built_at > MAX_AGE
        if build is not self._build or is_old or connection.needs_rollback:
            self.discard()
            if build is not None:
                self._start(build)
        return pickle.loads(self._built)  # noqa: S301 - our own

    def _start(self, build: Callable[[], Any]) -> None:
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self._build, self._built_at = build, time.monotonic()
        try:
            self._built = pickle.dumps(build())
            # Otherwise each test would check the deferred constraints of these rows.
            connection.check_constraints()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the rows, if any."""
        if self._transaction is not None:
            transaction.set_rollback(True)
            self._transaction.__exit__(None, None, None)
        self._transaction = self._build = None
        self._built = NOTHING
