"""Errors that say that PostgreSQL cannot serve now, not that a statement is wrong."""

from typing import Final

from django.db import Error, InterfaceError, OperationalError

# Classes of SQLSTATE: connection exceptions, insufficient resources, and the server's own state
# (shutting down, starting, no longer a primary).
CLASSES: Final = ("08", "53", "57P")
# A primary that has become a standby (failover).
READ_ONLY: Final = "25006"


def is_outage(error: BaseException | None) -> bool:
    """Return whether the database was unreachable or refused to serve.

    A retry may help. The statement may have been executed if the connection was lost while its
    result was awaited.
    """
    if not isinstance(error, Error):
        return False
    if isinstance(error, InterfaceError):
        # The connection was closed.
        return True
    code: str | None = getattr(error.__cause__, "sqlstate", None)
    if code is None:
        # Of a connection that failed, libpq reports a text only.
        return isinstance(error, OperationalError)
    return code == READ_ONLY or code.startswith(CLASSES)
