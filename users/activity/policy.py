"""Who may read what of an event, once they see the event."""

from uuid import UUID

from core.security.actor import Actor


def may_read_details(actor: Actor, event_actor_id: UUID | None) -> bool:
    """Addresses and devices are those of whoever acted.

    Administrators read all of them, and people their own and those of strangers, but not the
    address of an administrator who changed their account.
    """
    return actor.is_superuser or event_actor_id in (None, actor.user_id)
