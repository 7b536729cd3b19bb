"""Reads of deletions and exports, and their visibility."""

from typing import Self

from django.utils import timezone

from core.security.actor import Actor
from users.accounts.querysets import MailedLinkQuerySet
from users.scopes import Scope


class AccountDeletionQuerySet(MailedLinkQuerySet):
    """Scheduled deletions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; the user cannot sign in and has the mailed link."""
        may_see = actor.is_staff and actor.allows(Scope.USERS_READ)
        return self if may_see else self.none()

    def revocable(self) -> Self:
        """Return the deletions that can still be cancelled."""
        return self.filter(expires_at__gt=timezone.now())


class DataExportQuerySet(MailedLinkQuerySet):
    """Data exports."""

    def visible_to(self, actor: Actor) -> Self:
        """Users see their own in an interactive session; staff see no others."""
        if not actor.is_interactive or not actor.is_authenticated:
            return self.none()
        return self.filter(user_id=actor.user_id)

    def current(self) -> Self:
        """Return the exports that have not expired."""
        return self.filter(expires_at__gt=timezone.now())

    def ready(self) -> Self:
        """Return the completed exports."""
        return self.filter(ready_at__isnull=False)
