"""Organisations and memberships."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from users.organizations.querysets import MembershipQuerySet, OrganizationQuerySet


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

    def __str__(self) -> str:
        """Name it."""
        return self.name


class Role(models.TextChoices):
    """What a member may do inside the organisation."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    MEMBER = "member", _("Member")


class Membership(models.Model):
    """One person's role in one organisation."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The indexes below begin with these columns, so they need none of their own.
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="memberships",
        db_index=False,
    )
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        """A person is a member once; each list of memberships is in the order of an index."""

        base_manager_name = "objects"
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
