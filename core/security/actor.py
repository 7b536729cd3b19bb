"""Who asks: the only identity that services, policies and querysets are given."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How the person behind a session has proved who they are, and when.

    It is read with the session and never inferred: a session that proved less stays one that did.
    """

    # When the last proof was given, whichever it was, and when the last one by a second factor.
    authenticated_at: dt.datetime
    factor_at: dt.datetime | None = None
    # The kinds of second factors that the person has at this moment.
    factors: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person acting through a session or a token, an anonymous client, or the service itself.

    The facts are read from the database once a request, so a change of role, a revoked session
    or a revoked token takes effect on the next request.
    """

    user_id: UUID | None = None
    session_id: UUID | None = None
    # The API token, if that and no session is what the request came with.
    token_id: UUID | None = None
    # The administrator who acts in the person's name, if it is not the person.
    impersonator_id: UUID | None = None
    # What the token, or whoever acts in the person's name, is good for; None for everything, as
    # for people themselves.
    scopes: frozenset[str] | None = None
    is_staff: bool = False
    is_superuser: bool = False
    is_system: bool = False
    # The bulk action that is being carried out, if that is how the person acts.
    bulk_action_id: UUID | None = None
    # None for whoever acts through no session that they began as themselves.
    proof: Proof | None = None
    # Who must set up a second factor before anything else. To all rules such an actor is nobody;
    # only the services that set one up, or end the session, look at this.
    enrolling_id: UUID | None = None
    # Where the request came from; None if that is unknown, as through a Unix socket.
    ip: str | None = None
    user_agent: str = ""

    @property
    def is_authenticated(self) -> bool:
        """Whether a person is known behind the request."""
        return self.user_id is not None

    @property
    def is_interactive(self) -> bool:
        """Whether whoever acts is there themselves, and nothing speaks for them."""
        return self.scopes is None

    def allows(self, scope: str) -> bool:
        """Return whether this is within what the request's credential is good for.

        It says nothing of whether the person may: that is for the policies.
        """
        return self.scopes is None or scope in self.scopes


Rule = Callable[[Actor], bool]
ANONYMOUS = Actor()
SYSTEM = Actor(is_system=True, is_staff=True, is_superuser=True)
