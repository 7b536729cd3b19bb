"""Visibility that models do not declare: rules of the apps above, and groups."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db.models import Exists, QuerySet

from core.security.actor import Actor
from users.scopes import Scope

VisibilityRule = Callable[[Actor], Exists]

_visibility_rules: Final[list[VisibilityRule]] = []


def register_visibility_rule(rule: VisibilityRule) -> VisibilityRule:
    """Register the decorated function as a further condition of `UserQuerySet.visible_to`.

    For apps above this one. An index must serve the condition for a single user.
    """
    _visibility_rules.append(rule)
    return rule


def visibility_rules() -> Sequence[VisibilityRule]:
    """Return the registered rules."""
    return _visibility_rules


def groups_visible_to(actor: Actor, groups: QuerySet[Group]) -> QuerySet[Group]:
    """Return the groups that the actor may see: all for staff, else the actor's own.

    A token needs the scope `groups:read` or, for the owner's groups, `profile:read`. A function,
    because the model is Django's.
    """
    if actor.is_staff and actor.allows(Scope.GROUPS_READ):
        return groups
    if not (actor.allows(Scope.GROUPS_READ) or actor.allows(Scope.PROFILE_READ)):
        return groups.none()
    return groups.filter(user=actor.user_id) if actor.is_authenticated else groups.none()


def group_memberships_visible_to(actor: Actor, memberships: QuerySet[Any]) -> QuerySet[Any]:
    """Return the memberships in groups that the actor may see: all for staff, else none.

    Users read their own groups below themselves. A function, because the model is Django's.
    """
    is_allowed = actor.allows(Scope.GROUPS_READ) and actor.allows(Scope.USERS_READ)
    return memberships if actor.is_staff and is_allowed else memberships.none()
