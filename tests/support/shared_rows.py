"""Rows that many tests start from: built once for a run of tests, and rolled back to.

What Django's `setUpTestData` is to a class, for all tests that ask for the same rows one after
the other, whichever their modules are. The transaction of a test is a savepoint in this one.
"""

import copy
import time
from collections.abc import Callable
from typing import Any, Final

from django.db import connection, transaction

# Sessions are authenticated, and PostgreSQL's `now()` stands still, from when the rows are built.
MAX_AGE: Final = 60


class SharedRows:
    """At most one set of rows, in a transaction that stays open between tests."""

    def __init__(self) -> None:
        self._transaction: transaction.Atomic | None = None
        self._build: Callable[[], Any] | None = None
        self._built: Any = None
        self._built_at = 0.0

    def get(self, build: Callable[[], Any] | None) -> Any:
        """Return a copy of what ``build`` returned when it made its rows; none leaves no rows.

        Call it outside of the transaction of a test only.
        """
        is_old = time.monotonic() - self._built_at > MAX_AGE
        if build is not self._build or is_old or connection.needs_rollback:
            self.discard()
            if build is not None:
                self._start(build)
        return copy.deepcopy(self._built)

    def _start(self, build: Callable[[], Any]) -> None:
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self._build, self._built_at = build, time.monotonic()
        try:
            self._built = build()
            # Else each test would check the deferred constraints of these rows again.
            connection.check_constraints()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the rows, if there are any."""
        if self._transaction is not None:
            transaction.set_rollback(True)
            self._transaction.__exit__(None, None, None)
        self._transaction = self._build = self._built = None
