"""Who may do what to accounts. Reads of rows are decided in the querysets' `visible_to`."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVarTuple
from uuid import UUID

from core.errors import ForbiddenError, InsufficientScopeError, UnauthenticatedError
from core.security.actor import Actor
from users.accounts.errors import ImpersonationError, SecondFactorRequiredError
from users.scopes import Scope

About = TypeVarTuple("About")
UserRule = Callable[[Actor, UUID | None], bool]


def may_read_private(actor: Actor, user_id: UUID | None) -> bool:
    """E-mail, groups, permissions and sessions are for the person and for staff."""
    return may_read_all_private(actor) or (
        _is_self(actor, user_id) and actor.allows(Scope.PROFILE_READ)
    )


def may_read_all_private(actor: Actor) -> bool:
    """Staff read it of everybody."""
    return actor.is_staff and actor.allows(Scope.USERS_READ)


def may_edit_profile(actor: Actor, user_id: UUID | None) -> bool:
    """People edit their own profile; staff edit anybody's."""
    if _is_self(actor, user_id) and actor.allows(Scope.PROFILE_WRITE):
        return True
    return may_edit_profiles(actor)


def may_edit_profiles(actor: Actor) -> bool:
    """Staff edit what people tell about themselves, whoever they are."""
    return actor.is_staff and actor.allows(Scope.USERS_WRITE)


def may_write_public_metadata(actor: Actor) -> bool:
    """Staff write what applications show about people, and people do not."""
    return may_edit_profiles(actor)


def may_write_private_metadata(actor: Actor) -> bool:
    """Administrators write what applications go by, such as plans and entitlements."""
    return actor.is_superuser and actor.allows(Scope.USERS_WRITE)


def may_change_credentials(actor: Actor, user_id: UUID | None) -> bool:
    """Password, e-mail address, username and tokens are changed by the person, in person."""
    return _is_self(actor, user_id) and actor.is_interactive


def may_list_users(actor: Actor) -> bool:
    """People with an account may look around; `visible_to` decides whom each finds."""
    return actor.is_authenticated and actor.allows(Scope.USERS_READ)


def may_list_events(actor: Actor) -> bool:
    """Whoever is signed in reads what happened; `visible_to` decides to whom."""
    return actor.is_authenticated and actor.allows(Scope.EVENTS_READ)


def may_select_by_private_fields(actor: Actor) -> bool:
    """Orders and filters that tell of private fields are for those who read them of everybody."""
    return may_read_all_private(actor)


def may_administer(actor: Actor) -> bool:
    """Administrators decide on roles and on how people sign in; no token does."""
    return actor.is_superuser and actor.is_interactive


def may_impersonate(actor: Actor) -> bool:
    """Administrators act in people's names, and answer for it: no token and not the service."""
    return actor.is_authenticated and may_administer(actor)


def may_administer_users(actor: Actor) -> bool:
    """Administrators make accounts, and shut people out, by themselves or by a token."""
    return actor.is_superuser and actor.allows(Scope.USERS_WRITE)


def may_administer_groups(actor: Actor) -> bool:
    """Administrators decide on groups and permissions, and who has them."""
    return actor.is_superuser and actor.allows(Scope.GROUPS_WRITE)


def may_list_groups(actor: Actor) -> bool:
    """All groups and permissions are for staff; people see their own with themselves."""
    return actor.is_staff and actor.allows(Scope.GROUPS_READ)


def may_read_analytics(actor: Actor) -> bool:
    """Figures about everybody are for staff."""
    return actor.is_staff and actor.allows(Scope.ANALYTICS_READ)


def require(actor: Actor, rule: Callable[[Actor, *About], bool], *about: *About) -> None:
    """Raise unless ``rule`` allows the actor to act on what the rest of the arguments name.

    The error says what would help: `UnauthenticatedError`, `SecondFactorRequiredError`,
    `InsufficientScopeError`, `ImpersonationError`, or else `ForbiddenError`.
    """
    if rule(actor, *about):
        return
    if not actor.is_interactive and rule(replace(actor, scopes=None), *about):
        raise ImpersonationError if actor.impersonator_id else InsufficientScopeError
    if actor.enrolling_id:
        raise SecondFactorRequiredError
    if not (actor.is_authenticated or actor.is_system):
        raise UnauthenticatedError
    raise ForbiddenError


def _is_self(actor: Actor, user_id: UUID | None) -> bool:
    return actor.is_authenticated and actor.user_id == user_id
