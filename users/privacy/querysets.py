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
