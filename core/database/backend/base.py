"""The backend's connections; Django looks for `DatabaseWrapper` in this module."""

from typing import Any, Final

from django.db import OperationalError
from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.errors import Diagnostic

# PostgreSQL's source of the warnings of a COMMIT that stopped waiting for its standbys; unlike
# their text, it is the same in all languages.
SYNCHRONOUS_REPLICATION: Final = "SyncRepWaitForLSN"


class UnreplicatedCommitError(OperationalError):
    """A transaction was committed on the primary, but not by its synchronous standbys.

    Its outcome is unknown: it is lost if one of them becomes the primary.
    """


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose COMMIT raises `UnreplicatedCommitError`.

    PostgreSQL only warns when `statement_timeout` or a cancellation ends the wait for synchronous
    standbys, so the client would believe in a commit that a failover loses.
    """

    _is_unreplicated = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """Connect; observe the server's warnings."""
        connection: Connection[Any] = super().get_new_connection(conn_params)
        connection.add_notice_handler(self._observe)
        return connection

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
