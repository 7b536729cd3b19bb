"""How a request's session or API token is found, and what was found last."""

import datetime as dt
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final, NamedTuple, TypeAlias

from cachetools import LRUCache

from core.database.replicas.replica import Confirmation
from core.versions.lookup import version_values
from engine.sql.statements import Statement
from users.authentication.sessions.credentials import (
    ActiveApiToken,
    ActiveSession,
    active_api_token_statement,
    active_session_statement,
)
from users.authentication.sessions.expiry import has_recent_use

Credential: TypeAlias = ActiveSession | ActiveApiToken
# Ten megabytes.
CACHED_CREDENTIALS: Final = 10_000


class Lookup(NamedTuple):
    """A unique column of sessions or API tokens, and the value that a request presents."""

    type_: type[ActiveSession] | type[ActiveApiToken]
    column: str
    # The id of a session, or the digest of a cookie or an API token.
    value: Any

    @property
    def is_by_cookie(self) -> bool:
        """Whether the session was found by the browser's cookie."""
        return self.column == "cookie_digest"

    def statement(self, **columns: bool) -> Statement:
        """Return the statement that finds the active session or API token.

        ``columns`` as for `active_session_statement`.
        """
        if self.type_ is ActiveSession:
            return active_session_statement(self.column, **columns)
        return active_api_token_statement(self.column, **columns)

    def values(self) -> Mapping[str, Any]:
        """Return the statement's values, for now."""
        return {"value": self.value, "now": dt.datetime.now(dt.UTC)}

    def read(self) -> Credential | None:
        """Return the active session or API token, if there is one."""
        rows = self.statement().rows(self.values())
        return self.type_(*rows[0]) if rows else None

    def read_confirmation(self) -> tuple[Credential | None, Confirmation | None]:
        """Return what `read` does, and what a replica must return."""
        values = self.values()
        rows = self.statement(with_requester=True).rows(values)
        if not rows:
            return None, None
        *columns, _requester = rows[0]
        confirming = self.statement(with_requester=True, is_confirming=True, with_version=True)
        # No entities yet, whose version is 0.
        confirmation = Confirmation(
            confirming, {**values, **version_values(())}, (*rows[0], True, 0)
        )
        return self.type_(*columns), confirmation

    def confirm(self, known: Credential, entities: Mapping[str, Any]) -> int | None:
        """Return the version of entities if the session or API token is still as known.

        Both are read in one statement. ``entities`` are `version_values`.
        """
        rows = self.statement(with_version=True).rows({**self.values(), **entities})
        if not rows:
            return None
        *columns, version = rows[0]
        return version if tuple(columns) == known else None


class CredentialCache:
    """What lookups found last in this process, as a guess of the next result."""

    def __init__(self, size: int) -> None:
        """Cache the results of the ``size`` lookups that were used last."""
        self._found: LRUCache[Lookup, Credential] = LRUCache(size)
        self._lock = Lock()

    def get(self, lookup: Lookup) -> Credential | None:
        """Return what was found; None also if its next use has to be recorded."""
        with self._lock:
            # By item, as `LRUCache.get` would ask twice.
            try:
                found = self._found[lookup]
            except KeyError:
                return None
        return found if has_recent_use(found.used_at) else None

    def set(self, lookup: Lookup, found: Credential | None) -> None:
        """Cache what was found; remove a lookup that finds nothing."""
        with self._lock:
            if found is None:
                self._found.pop(lookup, None)
            else:
                self._found[lookup] = found

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            self._found.clear()


credential_cache = CredentialCache(CACHED_CREDENTIALS)
