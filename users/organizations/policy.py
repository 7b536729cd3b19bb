"""Who may do what in organisations. Reads of rows are decided in the querysets' `visible_to`.

A rule is given the actor, the actor's own role in the organisation (None for who is not in it)
and the role that it is about. Staff look at all organisations; administrators of the service may
do in each what its owners may.
"""

from collections.abc import Callable
from typing import Final

from django.conf import settings

from core.actor import Actor
from users.accounts import policy as accounts
from users.organizations.roles import Role
from users.scopes import Scope

Rule = Callable[[Actor, Role | None, Role | None], bool]

# Who sees the invitations that are under way.
MANAGERS: Final = (Role.OWNER, Role.ADMIN)


def may_belong(actor: Actor, _own: Role | None, _other: Role | None) -> bool:
    """Whoever is signed in looks through organisations."""
    return actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_READ)


def may_join(actor: Actor, _own: Role | None, _other: Role | None) -> bool:
    """Whoever is signed in joins by a link from their own mailbox, which no token reads."""
    return actor.is_authenticated and actor.is_in_person


def may_leave(actor: Actor, _own: Role | None, _other: Role | None) -> bool:
    """Whoever is signed in leaves where they belong."""
    return actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_WRITE)


def may_create(actor: Actor, _own: Role | None, _other: Role | None) -> bool:
    """Whoever is signed in makes organisations, unless `ORGANIZATIONS_BY_STAFF`."""
    if not (actor.is_authenticated and actor.allows(Scope.ORGANIZATIONS_WRITE)):
        return False
    return actor.is_staff or not settings.ORGANIZATIONS_BY_STAFF


def may_own(actor: Actor, own: Role | None, _other: Role | None) -> bool:
    """Owners rename the organisation, and change roles."""
    if not actor.allows(Scope.ORGANIZATIONS_WRITE):
        return False
    return actor.is_superuser or own is Role.OWNER


def may_delete(actor: Actor, own: Role | None, other: Role | None) -> bool:
    """Owners delete the organisation, in person."""
    return may_own(actor, own, other) and actor.is_in_person


def may_manage(actor: Actor, own: Role | None, other: Role | None) -> bool:
    """Owners invite and remove anybody; the organisation's administrators, plain members."""
    if not actor.allows(Scope.ORGANIZATIONS_WRITE):
        return False
    return may_own(actor, own, other) or (own is Role.ADMIN and other is Role.MEMBER)


def require(actor: Actor, rule: Rule, own: Role | None = None, other: Role | None = None) -> None:
    """Raise unless ``rule`` allows the actor, whose role is ``own``, to act on ``other``."""
    accounts.require(actor, lambda actor, _user_id: rule(actor, own, other))
