"""Reads of deletions and exports, and who may see them."""

from typing import Self

from django.utils import timezone

from core.actor import Actor
from users.accounts.querysets import MailedLinkQuerySet


class AccountDeletionQuerySet(MailedLinkQuerySet):
    """Deletions to come."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see whose account is to go; the person, who cannot sign in, has the mail."""
        return self if actor.is_staff else self.none()

    def revocable(self) -> Self:
        """Those that may still be undone; the others are being carried out."""
        return self.filter(expires_at__gt=timezone.now())


class DataExportQuerySet(MailedLinkQuerySet):
    """Exports."""

    def visible_to(self, actor: Actor) -> Self:
        """People see their own, and nobody sees another's, whatever their role."""
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def current(self) -> Self:
        """Those that have not expired."""
        return self.filter(expires_at__gt=timezone.now())

    def ready(self) -> Self:
        """Those that were put together."""
        return self.filter(ready_at__isnull=False)
