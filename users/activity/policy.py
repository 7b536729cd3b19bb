"""Access rules for the analytics, and for the fields of a visible event."""

from uuid import UUID

from core.security.actor import Actor
from users.scopes import Scope


def may_read_analytics(actor: Actor) -> bool:
    """Staff read statistics."""
    return actor.is_staff and actor.allows(Scope.ANALYTICS_READ)


def may_read_details(actor: Actor, event_actor_id: UUID | None, subject_id: UUID | None) -> bool:
    """Return whether the actor may read the event's IP address, device and other personal data.

    They are those of the event's actor. Administrators read all of them; users read their own and,
    in events about themselves, those of anonymous clients, but not those of an administrator who
    changed their account.
    """
    if actor.is_superuser:
        return True
    return actor.user_id == (subject_id if event_actor_id is None else event_actor_id)
