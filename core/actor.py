"""Who asks: the only identity that services, policies and querysets are given."""

from dataclasses import dataclass
from uuid import UUID


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
    # What the token is good for; None for everything, as for those who come without one.
    scopes: frozenset[str] | None = None
    is_staff: bool = False
    is_superuser: bool = False
    is_system: bool = False
    # Where the request came from; None if that is unknown, as through a Unix socket.
    ip: str | None = None
    user_agent: str = ""

    @property
    def is_authenticated(self) -> bool:
        """Whether a person is known behind the request."""
        return self.user_id is not None

    @property
    def is_by_token(self) -> bool:
        """Whether an API token speaks for its owner, who is not there."""
        return self.scopes is not None

    def allows(self, scope: str) -> bool:
        """Return whether this is within what the request's token, if any, is good for.

        It says nothing of whether its owner may: that is for the policies.
        """
        return self.scopes is None or scope in self.scopes


ANONYMOUS = Actor()
SYSTEM = Actor(is_system=True, is_staff=True, is_superuser=True)
