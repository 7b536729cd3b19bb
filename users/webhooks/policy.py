"""Access rules of webhooks. `visible_to` decides which rows an actor sees.

``own_role`` is the actor's role in the webhook's organisation, None for non-members and for the
webhooks of the service, which only administrators manage.
"""

from uuid import UUID

from core.security.actor import Actor
from users.organizations.policy import MANAGERS
from users.organizations.roles import Role
from users.scopes import Scope


def may_list_webhooks(actor: Actor) -> bool:
    """Any authenticated user may list webhooks; `visible_to` decides which."""
    return actor.is_authenticated and actor.allows(Scope.WEBHOOKS_READ)


def may_manage_webhooks(actor: Actor, own_role: Role | None) -> bool:
    """Owners and administrators of an organisation manage its webhooks; others, administrators."""
    if not (actor.is_authenticated and actor.allows(Scope.WEBHOOKS_WRITE)):
        return False
    return actor.is_superuser or own_role in MANAGERS


def may_create_webhooks(actor: Actor, own_role: Role | None) -> bool:
    """Who manages webhooks creates them interactively: they act with all rights of their owner."""
    return may_manage_webhooks(actor, own_role) and actor.is_interactive


def may_change_webhook(actor: Actor, owner_id: UUID | None) -> bool:
    """Only the owner of a visible webhook changes it and gets its secrets.

    Otherwise one could have another's rights used for a URL or a selection of one's own.
    """
    is_own = actor.is_authenticated and actor.user_id == owner_id
    return is_own and actor.is_interactive
