"""The actor: the identity on which services, policies and querysets decide."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAuthentication:
    """When and how the user of a session last authenticated, for step-up.

    It is read with the session and never inferred from other facts.
    """

    # The last authentication by any method, and the last one by a second factor.
    authenticated_at: dt.datetime
    factor_at: dt.datetime | None = None
    # The kinds of second factors that the user has now.
    factors: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class JobReference:
    """A background job, by the key and the id that events store."""

    key: str
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user with a session or an API token, an anonymous client, or the system.

    The attributes are read from the database once per request, so a changed role or a revoked
    session or token takes effect on the next request.
    """

    user_id: UUID | None = None
    session_id: UUID | None = None
    # The API token that authenticated the request, instead of a session.
    token_id: UUID | None = None
    # The administrator who impersonates the user.
    impersonator_id: UUID | None = None
    # The scopes of the API token or the impersonation; None, without limits, for a user's own
    # session.
    scopes: frozenset[str] | None = None
    is_staff: bool = False
    is_superuser: bool = False
    is_system: bool = False
    # The background job on behalf of which the user acts.
    job: JobReference | None = None
    # None without an interactive session of the user's own.
    authentication: SessionAuthentication | None = None
    # The user who must set up a second factor first. Rules treat such an actor as anonymous; only
    # the services that set up a second factor or end the session read this.
    enrolling_id: UUID | None = None
    # The client's address; None if it is unknown, as with a Unix socket.
    ip: str | None = None
    user_agent: str = ""

    @property
    def is_authenticated(self) -> bool:
        """Whether the request belongs to a user."""
        return self.user_id is not None

    @property
    def is_interactive(self) -> bool:
        """True for a user's own session; False for API tokens and impersonation."""
        return self.scopes is None

    def allows(self, scope: str) -> bool:
        """Return whether the request's credential includes the scope.

        Whether the user has the permission is decided by the policies.
        """
        return self.scopes is None or scope in self.scopes


Rule = Callable[[Actor], bool]
ANONYMOUS = Actor()
SYSTEM = Actor(is_system=True, is_staff=True, is_superuser=True)
