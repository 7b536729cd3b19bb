"""Access rules for sessions and API tokens. `visible_to` decides which rows an actor sees."""

from uuid import UUID

from core.security.actor import Actor
from users.accounts.policy import may_administer, may_change_credentials
from users.scopes import Scope


def may_list_sessions(actor: Actor) -> bool:
    """Signed-in users may list sessions."""
    return actor.is_authenticated and actor.allows(Scope.SESSIONS_READ)


def may_read_impersonations(actor: Actor) -> bool:
    """Administrators may read who impersonates a user, and why.

    Other users see only that a session is an impersonation.
    """
    return actor.is_superuser and actor.is_interactive


def may_end_sessions(actor: Actor) -> bool:
    """Signed-in users may end their own sessions, except by API token."""
    return actor.is_authenticated and actor.is_interactive


def may_revoke_tokens(actor: Actor, user_id: UUID | None) -> bool:
    """Users may rename and revoke their own API tokens; administrators, those of any user.

    Both need an interactive session.
    """
    return may_change_credentials(actor, user_id) or may_administer(actor)


def may_list_service_accounts(actor: Actor) -> bool:
    """Staff may list service accounts."""
    return actor.is_staff and actor.allows(Scope.USERS_READ)
