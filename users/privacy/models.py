"""What waits to be erased, and what was put together for people."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from users.accounts.fields import user_key
from users.accounts.models import MailedLink
from users.privacy.files import new_export_name, private_storage
from users.privacy.querysets import AccountDeletionQuerySet, DataExportQuerySet


class AccountDeletion(MailedLink):
    """An account that is to be erased when the link, which undoes that, has run out."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        verbose_name=_("person"),
        related_name="deletion",
    )
    requested_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    # The account was deactivated already, by no suspension, which has a row of its own.
    was_shut = models.BooleanField(default=False, db_default=False)

    objects: ClassVar = AccountDeletionQuerySet.as_manager()

    class Meta:
        """One a person; the row goes with what it announces."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")


class DataExport(MailedLink):
    """An archive of what is kept about a person, for whoever reads the mail about it.

    The file's name is made with the row, so that a file is never without the row by which it is
    removed again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key("data_exports")
    file = models.FileField(storage=private_storage, default=new_export_name, max_length=100)
    requested_at = models.DateTimeField(auto_now_add=True)
    # Null while it is being put together.
    ready_at = models.DateTimeField(null=True)

    objects: ClassVar = DataExportQuerySet.as_manager()

    class Meta:
        """One that is not ready a person; ready ones lie until they expire."""

        base_manager_name = "objects"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ready_at=None), name="data_export_pending_unique"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "id"], name="data_export_of_person")]
