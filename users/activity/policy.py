"""Access rules for the fields of a visible event."""

from uuid import UUID

from core.security.actor import Actor


def may_read_details(actor: Actor, event_actor_id: UUID | None) -> bool:
    """Return whether the actor may read the event's IP address and device.

    They are those of the event's actor. Administrators read all of them; users read their own and
    those of anonymous clients, but not those of an administrator who changed their account.
    """
    return actor.is_superuser or event_actor_id in (None, actor.user_id)
