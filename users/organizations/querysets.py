"""Reads of organisations, and who may see them."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef

from core.actor import Actor

if TYPE_CHECKING:
    from users.organizations.models import Membership, Organization


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Organisations."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see those they belong to."""
        if actor.is_staff:
            return self
        if actor.user_id is None:
            return self.none()
        return self.filter(memberships__user_id=actor.user_id)


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see those of the organisations they belong to."""
        if actor.is_staff:
            return self
        if actor.user_id is None:
            return self.none()
        own = self.model.objects.filter(
            organization_id=OuterRef("organization_id"), user_id=actor.user_id
        )
        return self.filter(Exists(own))

    def in_order(self) -> Self:
        """Those who joined first come first."""
        return self.order_by("created_at", "id")
