"""From a session to the actor it stands for."""

from core.actor import Actor
from users.authentication.models import Session


def actor_through(session: Session, user_agent: str) -> Actor:
    """Return the person of the session, with the roles they have at this moment."""
    return Actor(
        user_id=session.user_id,
        session_id=session.pk,
        is_staff=session.user.is_staff,
        is_superuser=session.user.is_superuser,
        user_agent=user_agent,
    )
