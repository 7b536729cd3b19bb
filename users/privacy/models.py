"""Scheduled deletions and data exports."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.security.actor import Actor
from users.accounts.models import MailedLink, MailedLinkQuerySet, owner_text, user_key
from users.privacy.files import new_export_name, private_storage
from users.scopes import Scope


class AccountDeletionQuerySet(MailedLinkQuerySet):
    """Scheduled deletions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; the user cannot sign in and has the mailed link."""
        may_see = actor.is_staff and actor.allows(Scope.USERS_READ)
        return self if may_see else self.none()


class AccountDeletion(MailedLink):
    """A scheduled deletion: the user is erased when the link to cancel it expires."""

    renewal = _("If you have kept your account already, sign in. Otherwise ask an administrator.")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        verbose_name=_("person"),
        related_name="deletion",
    )
    requested_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    # The account was deactivated before the deletion, other than by a `Suspension`.
    was_deactivated = models.BooleanField(default=False, db_default=False, db_column="was_shut")

    objects: ClassVar = AccountDeletionQuerySet.as_manager()

    class Meta:
        """One per user; the erasure deletes it."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")

    def __str__(self) -> str:
        """Return the username, or the id if the user is not loaded."""
        return owner_text(self)


class DataExportQuerySet(MailedLinkQuerySet):
    """Data exports."""

    def visible_to(self, actor: Actor) -> Self:
        """Users see their own in an interactive session; staff see no others."""
        if not actor.is_interactive or not actor.is_authenticated:
            return self.none()
        return self.filter(user_id=actor.user_id)

    def pending(self) -> Self:
        """Return the exports that are not ready, and whose time has not run out."""
        return self.open().filter(ready_at=None)

    def ready(self) -> Self:
        """Return the completed exports."""
        return self.filter(ready_at__isnull=False)


class DataExport(MailedLink):
    """An archive of a user's data, which the user downloads by a mailed link.

    The file's name is generated with the row, so that every stored file has a row by which it is
    deleted.
    """

    renewal = _("Sign in to request your data again.")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key("data_exports")
    file = models.FileField(storage=private_storage, default=new_export_name, max_length=100)
    requested_at = models.DateTimeField(auto_now_add=True)
    # Null while pending.
    ready_at = models.DateTimeField(null=True)

    objects: ClassVar = DataExportQuerySet.as_manager()

    class Meta:
        """One pending export per user; completed ones are kept until they expire."""

        base_manager_name = "objects"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ready_at=None), name="data_export_pending_unique"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "id"], name="data_export_of_person")]
