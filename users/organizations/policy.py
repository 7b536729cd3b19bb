"""Access rules of organisations. The querysets' `visible_to` decides which rows are visible.

``own_role`` is the actor's role in the organisation, None for non-members, and ``target_role`` the
role of the affected member. Staff read all organisations; administrators of the service have the
rights of an owner in each.
"""

from typing import Final

from django.conf import settings

from core.security.actor import Actor
from users.organizations.roles import Role
from users.scopes import Scope

# The roles that see pending invitations.
MANAGERS: Final = (Role.OWNER, Role.ADMIN)


def may_look_up(actor: Actor) -> bool:
    """Any authenticated user may look up organisations."""
    return actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_READ)


def may_join(actor: Actor) -> bool:
    """Users join interactively, by a link from their own mailbox."""
    return actor.is_authenticated and actor.is_interactive


def may_leave(actor: Actor) -> bool:
    """Users may leave their organisations."""
    return actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_WRITE)


def may_create(actor: Actor) -> bool:
    """Users create organisations; with `ORGANIZATIONS_BY_STAFF` only staff do."""
    if not (actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_WRITE)):
        return False
    return actor.is_staff or not settings.ORGANIZATIONS_BY_STAFF


def may_own(actor: Actor, own_role: Role | None) -> bool:
    """Owners rename the organisation and change roles."""
    if not actor.allows(Scope.ORGANIZATIONS_WRITE):
        return False
    return actor.is_superuser or own_role is Role.OWNER


def may_delete(actor: Actor, own_role: Role | None) -> bool:
    """Owners delete the organisation in an interactive session."""
    return may_own(actor, own_role) and actor.is_interactive


def may_manage(actor: Actor, own_role: Role | None, target_role: Role | None) -> bool:
    """Owners invite and remove all members; administrators plain members only."""
    if not actor.allows(Scope.ORGANIZATIONS_WRITE):
        return False
    return may_own(actor, own_role) or (own_role is Role.ADMIN and target_role is Role.MEMBER)
