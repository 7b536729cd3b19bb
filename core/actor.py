"""Who asks: the only identity that services, policies and querysets are given."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person acting through a session, an anonymous client, or the service itself.

    The facts are read from the database once a request, so a change of role or a revoked
    session takes effect on the next request.
    """

    user_id: UUID | None = None
    session_id: UUID | None = None
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


ANONYMOUS = Actor()
SYSTEM = Actor(is_system=True, is_staff=True, is_superuser=True)
