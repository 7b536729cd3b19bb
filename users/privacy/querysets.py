"""Reads of deletions and exports, and who may see them."""

from typing import Self

from django.utils import timezone

from core.security.actor import Actor
from users.accounts.querysets import MailedLinkQuerySet
from users.scopes import Scope


class AccountDeletionQuerySet(MailedLinkQuerySet):
    """Deletions to come."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see whose account is to go; the person, who cannot sign in, has the mail."""
        may_see = actor.is_staff and actor.allows(Scope.USERS_READ)
        return self if may_see else self.none()

    def revocable(self) -> Self:
        """Those that may still be undone; the others are being carried out."""
        return self.filter(expires_at__gt=timezone.now())


class DataExportQuerySet(MailedLinkQuerySet):
    """Exports."""

    def visible_to(self, actor: Actor) -> Self:
        """People see their own, and nobody sees another's, whatever their role or token."""
        if not actor.is_interactive or not actor.is_authenticated:
            return self.none()
        return self.filter(user_id=actor.user_id)

    def current(self) -> Self:
        """Those that have not expired."""
        return self.filter(expires_at__gt=timezone.now())

    def ready(self) -> Self:
        """Those that were put together."""
        return self.filter(ready_at__isnull=False)
