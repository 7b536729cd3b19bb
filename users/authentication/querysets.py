"""Reads of sessions and tokens."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils import timezone

from core.actor import Actor

if TYPE_CHECKING:
    from users.authentication.models import RefreshToken, Session


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see everybody's sessions; others see their own."""
        if actor.is_staff:
            return self
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def active(self) -> Self:
        """Those that have not run out; one that was ended is a row no more."""
        return self.filter(expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Those that have run out."""
        return self.filter(expires_at__lte=timezone.now())


class RefreshTokenQuerySet(models.QuerySet["RefreshToken"]):
    """Refresh tokens."""

    def expired(self) -> Self:
        """Those that have run out."""
        return self.filter(expires_at__lte=timezone.now())
