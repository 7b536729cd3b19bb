"""Access rules of accounts. The querysets' `visible_to` decides which rows are visible."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVarTuple
from uuid import UUID

from core.errors import ForbiddenError, InsufficientScopeError, UnauthenticatedError
from core.security.actor import Actor
from users.accounts.errors import ImpersonationError, SecondFactorRequiredError
from users.scopes import Scope

RuleArguments = TypeVarTuple("RuleArguments")
UserRule = Callable[[Actor, UUID | None], bool]


def may_read_private(actor: Actor, user_id: UUID | None) -> bool:
    """Users read their own private data; staff read that of all users.

    Private are e-mail addresses, groups, permissions and sessions.
    """
    return may_read_all_private(actor) or (
        _is_self(actor, user_id) and actor.allows(Scope.PROFILE_READ)
    )


def may_read_all_private(actor: Actor) -> bool:
    """Staff read the private data of all users."""
    return actor.is_staff and actor.allows(Scope.USERS_READ)


def may_edit_profile(actor: Actor, user_id: UUID | None) -> bool:
    """Users edit their own profile; staff edit all profiles."""
    if _is_self(actor, user_id) and actor.allows(Scope.PROFILE_WRITE):
        return True
    return may_edit_profiles(actor)


def may_edit_profiles(actor: Actor) -> bool:
    """Staff edit the profiles of all users."""
    return actor.is_staff and actor.allows(Scope.USERS_WRITE)


def may_write_public_metadata(actor: Actor) -> bool:
    """Staff write public metadata; users do not write their own."""
    return may_edit_profiles(actor)


def may_write_private_metadata(actor: Actor) -> bool:
    """Administrators write private metadata, such as plans and entitlements."""
    return actor.is_superuser and actor.allows(Scope.USERS_WRITE)


def may_change_credentials(actor: Actor, user_id: UUID | None) -> bool:
    """Users change their own password, addresses, username and tokens interactively."""
    return _is_self(actor, user_id) and actor.is_interactive


def may_list_users(actor: Actor) -> bool:
    """Any authenticated user may list users; `visible_to` decides which."""
    return actor.is_authenticated and actor.allows(Scope.USERS_READ)


def may_list_invitations(actor: Actor) -> bool:
    """Any authenticated user may list invitations; `visible_to` decides which."""
    return actor.is_authenticated and actor.allows(Scope.USERS_READ)


def may_list_events(actor: Actor) -> bool:
    """Any authenticated user may list events; `visible_to` decides which."""
    return actor.is_authenticated and actor.allows(Scope.EVENTS_READ)


def may_select_by_private_fields(actor: Actor) -> bool:
    """Staff order and filter by private fields, which would disclose their values."""
    return may_read_all_private(actor)


def may_administer(actor: Actor) -> bool:
    """Administrators change roles and credentials of users in interactive sessions."""
    return actor.is_superuser and actor.is_interactive


def may_impersonate(actor: Actor) -> bool:
    """Administrators impersonate users in interactive sessions; the service itself does not."""
    return actor.is_authenticated and may_administer(actor)


def may_administer_users(actor: Actor) -> bool:
    """Administrators create and suspend accounts, also by API token."""
    return actor.is_superuser and actor.allows(Scope.USERS_WRITE)


def may_administer_groups(actor: Actor) -> bool:
    """Administrators manage groups, permissions and their assignments."""
    return actor.is_superuser and actor.allows(Scope.GROUPS_WRITE)


def may_list_groups(actor: Actor) -> bool:
    """Staff list all groups and permissions; users read their own through `me`."""
    return actor.is_staff and actor.allows(Scope.GROUPS_READ)


def require(
    actor: Actor, rule: Callable[[Actor, *RuleArguments], bool], *arguments: *RuleArguments
) -> None:
    """Raise unless ``rule`` allows the actor to act on ``arguments``.

    The error names the remedy: `UnauthenticatedError`, `SecondFactorRequiredError`,
    `InsufficientScopeError`, `ImpersonationError`, or else `ForbiddenError`.
    """
    if rule(actor, *arguments):
        return
    if not actor.is_interactive and rule(replace(actor, scopes=None), *arguments):
        raise ImpersonationError if actor.impersonator_id else InsufficientScopeError
    if actor.enrolling_id:
        raise SecondFactorRequiredError
    if not (actor.is_authenticated or actor.is_system):
        raise UnauthenticatedError
    raise ForbiddenError


def _is_self(actor: Actor, user_id: UUID | None) -> bool:
    return actor.is_authenticated and actor.user_id == user_id
