"""Reads of bulk actions, and who may see them."""

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
        """Administrators see all; others, those that they started when they were administrators.

        What they tell is for who may start them: no token that only reads people sees any, and
        nobody who acts in somebody else's name.
        """
        if not (actor.is_authenticated and actor.allows(Scope.USERS_WRITE)):
            return self.none()
        return self if actor.is_superuser else self.filter(requester_id=actor.user_id)

    def live(self) -> Self:
        """Those that go on."""
        return self.filter(state__in=LIVE)

    def ended(self) -> Self:
        """Those that do not go on."""
        return self.exclude(state__in=LIVE)

    def finished_before(self, age: timedelta) -> Self:
        """Those that ended so long ago."""
        return self.filter(finished_at__lte=timezone.now() - age)


class BulkFailureQuerySet(models.QuerySet["BulkFailure"]):
    """Refusals in bulk actions."""

    def visible_to(self, actor: Actor) -> Self:
        """Whoever sees the bulk action sees whom it left as they were."""
        if not (actor.is_authenticated and actor.allows(Scope.USERS_WRITE)):
            return self.none()
        return self if actor.is_superuser else self.filter(bulk_action__requester_id=actor.user_id)

    def in_order(self) -> Self:
        """Those who were refused first come first."""
        return self.order_by("id")
