"""Who may do what to sessions and API tokens. Which of them one sees is decided in `visible_to`."""

from uuid import UUID

from core.security.actor import Actor
from users.accounts.policy import may_administer, may_change_credentials
from users.scopes import Scope


def may_list_sessions(actor: Actor) -> bool:
    """Whoever is signed in looks through sessions."""
    return actor.is_authenticated and actor.allows(Scope.SESSIONS_READ)


def may_read_impersonations(actor: Actor) -> bool:
    """Administrators read who acts in a person's name, and why; others only that it is so."""
    return actor.is_superuser and actor.is_interactive


def may_end_sessions(actor: Actor) -> bool:
    """Whoever is signed in ends their own, but not by a token."""
    return actor.is_authenticated and actor.is_interactive


def may_revoke_tokens(actor: Actor, user_id: UUID | None) -> bool:
    """People rename and revoke their own API tokens, administrators anybody's, in person."""
    return may_change_credentials(actor, user_id) or may_administer(actor)


def may_list_service_accounts(actor: Actor) -> bool:
    """Staff look through the accounts of programs, which administrators make."""
    return actor.is_staff and actor.allows(Scope.USERS_READ)
