"""Who may do what to sessions. Which of them one sees is decided in `visible_to`."""

from uuid import UUID

from core.actor import Actor


def may_have_sessions(actor: Actor, user_id: UUID | None = None) -> bool:  # noqa: ARG001
    """Whoever is signed in looks through sessions and ends their own."""
    return actor.is_authenticated
