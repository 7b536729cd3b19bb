"""Reads of sessions and tokens."""

from typing import TYPE_CHECKING, Any, Self

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

    def locked(self, **conditions: Any) -> "Session | None":
        """Return the session that meets the conditions, locked until the transaction ends.

        Whoever ends or prolongs a session locks it before touching its tokens, so that the
        one who comes second sees all of them.
        """
        locked = self.select_related("user").select_for_update(of=("self",))
        return locked.filter(**conditions).first()

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
