"""Reads of second factors and of what waits for one."""

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.utils import timezone

from core.actor import Actor

if TYPE_CHECKING:
    from users.authentication.factors import Passkey, Totp


class TotpQuerySet(models.QuerySet["Totp"]):
    """Authenticator apps."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see who has one; others see their own. One that was never used is none."""
        confirmed = self.filter(confirmed_at__isnull=False)
        if actor.is_staff:
            return confirmed
        return confirmed.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()


class PasskeyQuerySet(models.QuerySet["Passkey"]):
    """Passkeys."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see everybody's; others see their own."""
        if actor.is_staff:
            return self
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def in_order(self) -> Self:
        """The oldest first; ids grow with time."""
        return self.order_by("id")


class ChallengeQuerySet(models.QuerySet[Any]):
    """What waits for an answer."""

    def open(self) -> Self:
        """Those that still wait."""
        return self.filter(expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Those that nobody answered in time."""
        return self.filter(expires_at__lte=timezone.now())
