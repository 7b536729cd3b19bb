"""What waits to be erased, and what was put together for people."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.accounts.models import MailedLink
from users.privacy.querysets import AccountDeletionQuerySet


class AccountDeletion(MailedLink):
    """An account that is to be erased when the link, which undoes that, has run out."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="deletion",
    )
    requested_at = models.DateTimeField(_("asked for"), auto_now_add=True)

    objects: ClassVar = AccountDeletionQuerySet.as_manager()

    class Meta:
        """One a person; the row goes with what it announces."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")
