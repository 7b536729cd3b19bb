"""Reads of organisations, and who may see them."""

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
        """Staff see all; others see those they belong to."""
        if not actor.allows(Scope.ORGANIZATIONS_READ):
            return self.none()
        if actor.is_staff:
            return self
        if actor.user_id is None:
            return self.none()
        return self.filter(memberships__user_id=actor.user_id)

    def in_order(self, field: OrganizationOrderField, *, descending: bool = False) -> Self:
        """Order organisations; those that are equal in the field, by when they came."""
        terms = ORGANIZATION_ORDERS[field]
        return self.order_by(*(term.desc() if descending else term.asc() for term in terms))


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships."""

    def of(self, actor: Actor) -> Self:
        """Those of the actor."""
        return self.none() if actor.user_id is None else self.filter(user_id=actor.user_id)

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see those of the organisations they belong to."""
        if not actor.allows(Scope.ORGANIZATIONS_READ):
            return self.none()
        if actor.is_staff:
            return self
        if not actor.is_authenticated:
            return self.none()
        own = self.model.objects.of(actor)
        return self.filter(Exists(own.filter(organization_id=OuterRef("organization_id"))))

    def in_order(self) -> Self:
        """Those who joined first come first."""
        return self.order_by("created_at", "id")


class OrganizationInvitationQuerySet(MailedLinkQuerySet):
    """Invitations to organisations."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see those to the organisations they manage."""
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
