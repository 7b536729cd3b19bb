"""Visibility that models do not declare: rules of the apps above, and groups."""

from collections.abc import Callable, Sequence
from typing import Final

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
