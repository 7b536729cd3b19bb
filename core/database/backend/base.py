"""The backend's connections; Django looks for `DatabaseWrapper` in this module."""

from math import ceil
from time import monotonic
from typing import Any, Final

import psycopg
from django.db import OperationalError
from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.conninfo import timeout_from_conninfo
from psycopg.errors import Diagnostic
from psycopg.pq import TransactionStatus

from engine.deadline import time_left
from engine.meter import MeteredCursor

# PostgreSQL's source of the warnings of a COMMIT that stopped waiting for its standbys; unlike
# their text, it is the same in all languages.
SYNCHRONOUS_REPLICATION: Final = "SyncRepWaitForLSN"


class UnreplicatedCommitError(OperationalError):
    """A transaction was committed on the primary, but not by its synchronous standbys.

    Its outcome is unknown: it is lost if one of them becomes the primary.
    """


class Cursor(MeteredCursor, base.Cursor):
    """Django's cursor, which counts its statements."""


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that a request waits for until its deadline.

    Its COMMIT raises `UnreplicatedCommitError`: PostgreSQL only warns when `statement_timeout` or a
    cancellation ends the wait for synchronous standbys, so the client would believe in a commit
    that a failover loses.
    """

    _is_unreplicated = False

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters, with our cursor."""
        return super().get_connection_params() | {"cursor_factory": Cursor}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """Connect before the request's deadline; observe the server's warnings.

        psycopg waits in whole seconds, at least two, for each of the hosts.
        """
        left = time_left(self)
        if left is not None:
            if not left:
                raise psycopg.OperationalError("no time is left to connect")
            seconds = min(ceil(left), timeout_from_conninfo(conn_params))
            conn_params = {**conn_params, "connect_timeout": seconds}
        connection: Connection[Any] = super().get_new_connection(conn_params)
        connection.add_notice_handler(self._observe)
        return connection

    def close_if_unusable_or_obsolete(self) -> None:
        """Close a broken or old connection, before and after a request.

        Django asks the server after errors. One that hangs would hold the thread, as no deadline
        applies here. The next statement checks the connection anyway.

        A connection to keep is not Django's to look at: it reads the autocommit by a method that
        searches for an event loop, twice a request.
        """
        libpq = self.connection
        if libpq is None:
            return
        if self.errors_occurred and libpq.info.transaction_status == TransactionStatus.IDLE:
            self.errors_occurred = False
        is_restored = self.autocommit == self.settings_dict["AUTOCOMMIT"]
        is_young = self.close_at is None or monotonic() < self.close_at
        if is_restored and is_young and not self.errors_occurred:
            self.health_check_done = False
        else:
            super().close_if_unusable_or_obsolete()

    def _observe(self, diagnostic: Diagnostic) -> None:
        if diagnostic.source_function == SYNCHRONOUS_REPLICATION:
            self._is_unreplicated = True

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001 - as Django declares it
        """Begin or end a transaction; forget the warnings of statements before it."""
        self._is_unreplicated = False
        super()._set_autocommit(autocommit)  # type: ignore[misc] # not in the stubs

    def _commit(self) -> None:
        """Commit. Also called after a COMMIT that was sent in a pipeline."""
        super()._commit()  # type: ignore[misc]
        if self._is_unreplicated:
            raise UnreplicatedCommitError("The commit was not confirmed by a synchronous standby")
