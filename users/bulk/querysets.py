"""Querysets of bulk actions and their failures."""

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils import timezone

from core.security.actor import Actor
from users.bulk.states import LIVE
from users.scopes import Scope

if TYPE_CHECKING:
    from users.bulk.models import BulkAction, BulkFailure


class BulkActionQuerySet(models.QuerySet["BulkAction"]):
    """Bulk actions."""

    def visible_to(self, actor: Actor) -> Self:
        """Administrators see all bulk actions; other users see those that they started.

        Requires the scope to start one: read-only tokens and impersonations see none.
        """
        if not (actor.is_authenticated and actor.allows(Scope.USERS_WRITE)):
            return self.none()
        return self if actor.is_superuser else self.filter(requester_id=actor.user_id)

    def live(self) -> Self:
        """Return pending and running actions."""
        return self.filter(state__in=LIVE)

    def ended(self) -> Self:
        """Return ended actions."""
        return self.exclude(state__in=LIVE)

    def finished_before(self, age: timedelta) -> Self:
        """Return actions that ended at least ``age`` ago."""
        return self.filter(finished_at__lte=timezone.now() - age)


class BulkFailureQuerySet(models.QuerySet["BulkFailure"]):
    """Failures of bulk actions."""

    def visible_to(self, actor: Actor) -> Self:
        """Failures are visible with their bulk action."""
        if not (actor.is_authenticated and actor.allows(Scope.USERS_WRITE)):
            return self.none()
        return self if actor.is_superuser else self.filter(bulk_action__requester_id=actor.user_id)

    def in_order(self) -> Self:
        """Return failures oldest first."""
        return self.order_by("id")
