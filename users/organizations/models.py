"""Organisations, memberships and invitations."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.database.search.texts import Fold, has_words
from core.email.addresses import EMAIL_MAX_LENGTH
from core.security.actor import Actor
from engine.sql.keys import equals_any
from engine.sql.unindexed_filter import UnindexedFilter
from users.accounts.filters import register_filter
from users.accounts.models import Invitation, MailedLink, MailedLinkQuerySet, user_key
from users.accounts.visibility import register_visibility_rule
from users.activity.models import Event, EventQuerySet
from users.activity.visibility import register_event_rule
from users.organizations.orders import ORGANIZATION_ORDERS, OrganizationOrderField
from users.organizations.policy import MANAGERS
from users.organizations.roles import Role
from users.scopes import Scope

__all__ = [
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "OrganizationInvitation",
    "OrganizationInvitationQuerySet",
    "OrganizationQuerySet",
    "Role",
]

ORGANIZATION_NAME_MAX_LENGTH = 150


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

    def matching_words(self, words: Sequence[str], actor: Actor) -> Self:
        """Filter by words in names."""
        condition = has_words(Fold("name"), words)
        # Others have few organisations, which are found by their memberships.
        return self.filter(UnindexedFilter(condition) if actor.is_staff else condition)


class Organization(models.Model):
    """A group of users with roles, such as a company or a team."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=ORGANIZATION_NAME_MAX_LENGTH)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        """Names are not unique."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        indexes: ClassVar = [
            *(
                models.Index(*terms, name=f"organization_order_{order.value}")
                for order, terms in ORGANIZATION_ORDERS.items()
            ),
            GinIndex(OpClass(Fold("name"), name="gin_trgm_ops"), name="organization_search"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


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


class Membership(models.Model):
    """A user's role in an organisation."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without an index: those below begin with this column.
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
        """One membership per user and organisation; indexes serve the ordered lists."""

        base_manager_name = "objects"
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            # The user first: with the organisation first, the planner could use this index for
            # lists of members and sort them.
            models.UniqueConstraint(fields=["user", "organization"], name="membership_unique"),
        ]
        # Ordered by `created_at`, not by the time-ordered ids: for those, the planner could scan
        # the primary key with the memberships of all organisations.
        indexes: ClassVar = [
            models.Index(fields=["organization", "created_at", "id"], name="membership_members"),
            models.Index(
                fields=["organization", "role", "created_at", "id"],
                name="membership_members_by_role",
            ),
            models.Index(fields=["user", "created_at", "id"], name="membership_of_person"),
        ]

    def __str__(self) -> str:
        """Return the id."""
        return str(self.pk)


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


class OrganizationInvitation(MailedLink):
    """An invitation of an e-mail address to an organisation."""

    renewal = Invitation.renewal

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
    # The language of the mail, unless the address has an account with its own.
    locale = models.CharField(_("language"), max_length=10, default="en")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar = OrganizationInvitationQuerySet.as_manager()

    class Meta:
        """One per address and organisation; a later one replaces it."""

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
    """Make users visible to the members of their organisations.

    Joins the actor's memberships with the user's by index, so the cost does not depend on the
    number of other members.
    """
    fellow = Membership.objects.filter(
        organization_id=OuterRef("organization_id"), user_id=OuterRef(OuterRef("pk"))
    )
    return Exists(Membership.objects.of(actor).filter(Exists(fellow)))


@register_event_rule
def managed_organization_events(actor: Actor) -> Q:
    """Return the condition that an event is about an organisation that the actor manages.

    Its keys are an array, so that the index serves the condition also beside that of one list: if
    the actor does not manage the organisation, none of its events are read.
    """
    if actor.user_id is None or not actor.allows(Scope.ORGANIZATIONS_READ):
        return Q(pk__in=())
    managed = Membership.objects.of(actor).filter(role__in=MANAGERS)
    return Q(equals_any("organization_id", ArraySubquery(managed.values("organization_id"))))


def organization_events(actor: Actor) -> EventQuerySet:
    """Return the events of all organisations for administrators, else of those they manage."""
    events = Event.objects.filter(organization__isnull=False)
    return events if actor.is_superuser else events.filter(managed_organization_events(actor))


@register_filter("membership")
def has_membership(conditions: Mapping[str, Any], actor: Actor) -> Q:
    """Return the condition that a user has a membership that the actor may see."""
    memberships = Membership.objects.visible_to(actor)
    return Q(Exists(memberships.filter(user=OuterRef("pk"), **conditions)))
