"""Reads of organisations, and their visibility."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef

from core.security.actor import Actor
from users.accounts.querysets import MailedLinkQuerySet
from users.organizations.orders import ORGANIZATION_ORDERS, OrganizationOrderField
from users.organizations.policy import MANAGERS
from users.scopes import Scope

if TYPE_CHECKING:
    from users.organizations.models import Membership, Organization


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Organisations."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see the organisations of which they are members."""
        if not actor.allows(Scope.ORGANIZATIONS_READ):
            return self.none()
        if actor.is_staff:
            return self
        if actor.user_id is None:
            return self.none()
        return self.filter(memberships__user_id=actor.user_id)

    def in_order(self, field: OrganizationOrderField, *, descending: bool = False) -> Self:
        """Order by a field; ties by creation."""
        terms = ORGANIZATION_ORDERS[field]
        return self.order_by(*(term.desc() if descending else term.asc() for term in terms))


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships."""

    def of(self, actor: Actor) -> Self:
        """Filter by the actor's memberships."""
        return self.none() if actor.user_id is None else self.filter(user_id=actor.user_id)

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see the memberships of their organisations."""
        if not actor.allows(Scope.ORGANIZATIONS_READ):
            return self.none()
        if actor.is_staff:
            return self
        if not actor.is_authenticated:
            return self.none()
        actors = self.model.objects.of(actor)
        return self.filter(Exists(actors.filter(organization_id=OuterRef("organization_id"))))

    def in_order(self) -> Self:
        """Order by the time of joining, oldest first."""
        return self.order_by("created_at", "id")


class OrganizationInvitationQuerySet(MailedLinkQuerySet):
    """Invitations to organisations."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see the invitations to organisations they manage."""
        if not actor.allows(Scope.ORGANIZATIONS_READ):
            return self.none()
        if actor.is_staff:
            return self
        if actor.user_id is None:
            return self.none()
        return self.filter(
            organization__memberships__user_id=actor.user_id,
            organization__memberships__role__in=MANAGERS,
        )
