"""Who may do what in organisations. Reads of rows are decided in the querysets' `visible_to`.

Rules about an organisation take the actor's own role in it, which is None for others than its
members, and the role that is acted on. Staff look at all organisations; administrators of the
service may do in each what its owners may.
"""

from typing import Final

from django.conf import settings

from core.security.actor import Actor
from users.organizations.roles import Role
from users.scopes import Scope

# Who sees the invitations that are under way.
MANAGERS: Final = (Role.OWNER, Role.ADMIN)


def allow_anyone(actor: Actor) -> bool:
    """Whoever is signed in looks through organisations."""
    return actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_READ)


def may_join(actor: Actor) -> bool:
    """Whoever is signed in joins by a link from their own mailbox, which no token reads."""
    return actor.is_authenticated and actor.is_interactive


def may_leave(actor: Actor) -> bool:
    """Whoever is signed in leaves where they belong."""
    return actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_WRITE)


def may_create(actor: Actor) -> bool:
    """Whoever is signed in makes organisations, unless `ORGANIZATIONS_BY_STAFF`."""
    if not (actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_WRITE)):
        return False
    return actor.is_staff or not settings.ORGANIZATIONS_BY_STAFF


def may_own(actor: Actor, own: Role | None) -> bool:
    """Owners rename the organisation, and change roles."""
    if not actor.allows(Scope.ORGANIZATIONS_WRITE):
        return False
    return actor.is_superuser or own is Role.OWNER


def may_delete(actor: Actor, own: Role | None) -> bool:
    """Owners delete the organisation, in person."""
    return may_own(actor, own) and actor.is_interactive


def may_manage(actor: Actor, own: Role | None, other: Role | None) -> bool:
    """Owners invite and remove anybody; the organisation's administrators, plain members."""
    if not actor.allows(Scope.ORGANIZATIONS_WRITE):
        return False
    return may_own(actor, own) or (own is Role.ADMIN and other is Role.MEMBER)
