"""Organisations, memberships and invitations."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.email.addresses import EMAIL_MAX_LENGTH
from core.security.actor import Actor
from users.accounts.fields import user_key
from users.accounts.filters import register_filter
from users.accounts.models import MailedLink
from users.accounts.querysets import register_visibility_rule
from users.organizations.orders import ORGANIZATION_ORDERS
from users.organizations.querysets import (
    MembershipQuerySet,
    OrganizationInvitationQuerySet,
    OrganizationQuerySet,
)
from users.organizations.roles import Role

__all__ = ["Membership", "Organization", "OrganizationInvitation", "Role"]


class Organization(models.Model):
    """A company, a club, a team: people with roles in it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=150)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        """Names need not be unique; ids are."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        indexes: ClassVar = [
            models.Index(*terms, name=f"organization_order_{order.value}")
            for order, terms in ORGANIZATION_ORDERS.items()
        ]

    def __str__(self) -> str:
        """Name it."""
        return self.name


class Membership(models.Model):
    """One person's role in one organisation."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The indexes below begin with these columns, so they need none of their own.
    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        verbose_name=_("organisation"),
        related_name="memberships",
        db_index=False,
    )
    user = user_key("memberships", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.MEMBER)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        """A person is a member once; each list of memberships is in the order of an index."""

        base_manager_name = "objects"
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            # By the person first: a list of members could be read in this one and sorted, too.
            models.UniqueConstraint(fields=["user", "organization"], name="membership_unique"),
        ]
        # Lists are ordered by when people joined. The ids grow with time as well, but in the order
        # of the ids PostgreSQL might read the primary key, with everybody else's memberships.
        indexes: ClassVar = [
            models.Index(fields=["organization", "created_at", "id"], name="membership_members"),
            models.Index(
                fields=["organization", "role", "created_at", "id"],
                name="membership_members_by_role",
            ),
            models.Index(fields=["user", "created_at", "id"], name="membership_of_person"),
        ]

    def __str__(self) -> str:
        """Name the row."""
        return str(self.pk)


class OrganizationInvitation(MailedLink):
    """A place in an organisation, offered to whoever reads this address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        verbose_name=_("organisation"),
        related_name="invitations",
    )
    inviter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("invited by"),
    )
    email = models.EmailField(_("e-mail"), max_length=EMAIL_MAX_LENGTH)
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.MEMBER)
    # Of the mail, unless the address has an account, which knows its owner's.
    locale = models.CharField(_("language"), max_length=10, default="en")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar = OrganizationInvitationQuerySet.as_manager()

    class Meta:
        """One invitation an address and organisation; a later one replaces it."""

        base_manager_name = "objects"
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "email"], name="organization_invitation_email_unique"
            ),
        ]


@register_visibility_rule
def fellow_members(actor: Actor) -> Exists:
    """Show people to those who belong to one of their organisations.

    It compares the actor's memberships with the person's, each by an index, and so takes no
    longer where there are many other members.
    """
    fellow = Membership.objects.filter(
        organization_id=OuterRef("organization_id"), user_id=OuterRef(OuterRef("pk"))
    )
    return Exists(Membership.objects.of(actor).filter(Exists(fellow)))


@register_filter("membership")
def has_membership(conditions: Mapping[str, Any], actor: Actor) -> Q:
    """Return the condition that a person has such a membership, and the actor may see it."""
    memberships = Membership.objects.visible_to(actor)
    return Q(Exists(memberships.filter(user=OuterRef("pk"), **conditions)))
