"""Profiles, metadata, and when users were last active."""

from typing import ClassVar, Final, Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.security.actor import Actor
from users.accounts.models.users import User, owner_text
from users.accounts.orders import NEVER


class ProfileQuerySet(models.QuerySet["Profile"]):
    """Profiles."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the profiles of the users whom the actor may see."""
        users = User.objects.visible_to(actor)
        return self.filter(Exists(users.filter(pk=OuterRef("user_id"))))


class Profile(models.Model):
    """What users enter about themselves, by the names of OpenID Connect's claims."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, verbose_name=_("person")
    )
    # `User.name` is the display name; the parts are for salutations and sorting.
    given_name = models.CharField(
        _("given name"), max_length=150, blank=True, default="", db_default=""
    )
    family_name = models.CharField(
        _("family name"), max_length=150, blank=True, default="", db_default=""
    )
    nickname = models.CharField(
        _("nickname"), max_length=150, blank=True, default="", db_default=""
    )
    bio = models.CharField(_("bio"), max_length=500, blank=True)
    website = models.URLField(_("website"), blank=True)
    # The key of the avatar's files (see `avatars`). A task deletes the files of a replaced key.
    avatar = models.CharField(max_length=32, editable=False, default="", db_default="")
    locale = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")

    objects = ProfileQuerySet.as_manager()

    class Meta:
        """One row per user."""

        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes: ClassVar = [
            models.Index(fields=["locale", "user"], name="profile_locale"),
            # For the task that looks up which stored files are in use.
            models.Index(fields=["avatar"], name="profile_avatar", condition=~Q(avatar="")),
        ]

    def __str__(self) -> str:
        """Return the username, or the id if the user is not loaded."""
        return owner_text(self)


# The columns that users can edit: inputs, forms and exports are derived from them.
PROFILE_FIELDS: Final = tuple(
    field.name
    for field in Profile._meta.concrete_fields
    if field.editable and not field.primary_key
)


class Metadata(models.Model):
    """Metadata that applications store about a user.

    ``public`` is visible to all who may see the user, ``private`` to the user and staff. A separate
    table, because few users may have metadata, and so that writes to users skip its GIN indexes.
    """

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        primary_key=True,
        verbose_name=_("person"),
        related_name="metadata",
    )
    public = models.JSONField(_("public"), default=dict, blank=True)
    private = models.JSONField(_("private"), default=dict, blank=True)

    class Meta:
        """At most one row per user, indexed for containment (`@>`)."""

        verbose_name = _("metadata")
        verbose_name_plural = _("metadata")
        indexes: ClassVar = [
            GinIndex(fields=["public"], opclasses=["jsonb_path_ops"], name="metadata_public"),
            GinIndex(fields=["private"], opclasses=["jsonb_path_ops"], name="metadata_private"),
        ]

    def __str__(self) -> str:
        """Return the username, or the id if the user is not loaded."""
        return owner_text(self)


class LastSeen(models.Model):
    """When a user last used the service. A task writes it from the sessions.

    A separate table because of the frequent updates: each would add an entry to every index of the
    user's row (write amplification).
    """

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="last_seen"
    )
    at = models.DateTimeField(null=True)

    class Meta:
        """One row per user, created with the user."""

        indexes: ClassVar = [
            models.Index(Coalesce("at", NEVER), F("user"), name="user_order_last_seen")
        ]

    def __str__(self) -> str:
        """Return the username, or the id if the user is not loaded."""
        return owner_text(self)
