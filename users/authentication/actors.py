"""From a session to the actor it stands for."""

from core.actor import Actor
from users.authentication.models import Session


def actor_through(session: Session, origin: Actor) -> Actor:
    """Return the person of the session, with the roles they have at this moment.

    ``origin`` says where the request came from; who it was before does not matter.
    """
    return Actor(
        user_id=session.user_id,
        session_id=session.pk,
        is_staff=session.user.is_staff,
        is_superuser=session.user.is_superuser,
        ip=origin.ip,
        user_agent=origin.user_agent,
    )


def nobody_at(origin: Actor) -> Actor:
    """Return the anonymous client that is left when somebody signs out."""
    return Actor(ip=origin.ip, user_agent=origin.user_agent)
