"""Querysets of sessions, refresh tokens, suspensions and second factors."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.security.actor import Actor
from users.scopes import Scope

if TYPE_CHECKING:
    from users.authentication.models import Passkey, RefreshToken, Session, Suspension, Totp


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see the sessions of all users; other users see their own."""
        if not actor.allows(Scope.SESSIONS_READ):
            return self.none()
        if actor.is_staff:
            return self
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def get_for_update(self, **conditions: Any) -> "Session | None":
        """Return the session that meets the conditions, locked for update.

        Lock the session before its refresh tokens, when ending and when extending it: the
        transaction that waits then sees every token.
        """
        locked = self.select_related("user").select_for_update(of=("self",))
        return locked.filter(**conditions).first()

    def get_user_sessions_for_update(
        self, user_id: UUID, *, keep: UUID | None = None
    ) -> "list[Session]":
        """Return a user's sessions except ``keep``, locked for update in id order.

        They include sessions in which the user impersonates another. The fixed order prevents
        deadlocks.
        """
        sessions = self.filter(Q(user_id=user_id) | Q(impersonator_id=user_id))
        if keep is not None:
            sessions = sessions.exclude(pk=keep)
        partial = sessions.only("user_id", "impersonator_id", "created_at", "expires_at")
        return list(partial.order_by("pk").select_for_update())

    def active(self, now: Any = None) -> Self:
        """Return unexpired sessions of active users.

        If the user has a second factor, the session must have been authenticated with one. An
        impersonation stays active only while the impersonator is an active administrator and the
        user is not staff. Ended sessions have no row.
        """
        is_impersonation_allowed = Q(
            impersonator__is_active=True,
            impersonator__is_superuser=True,
            user__is_staff=False,
            user__is_superuser=False,
        )
        return self.with_required_factors().filter(
            Q(impersonator=None) | is_impersonation_allowed,
            expires_at__gt=now or timezone.now(),
            user__is_active=True,
        )

    def with_required_factors(self) -> Self:
        """Return sessions authenticated with a second factor, if their user has one.

        Impersonations are exempt: the administrator authenticated in their own session.
        """
        is_sufficient = Q(aal__gte=2) | Q(user__second_factors__len=0)
        return self.filter(is_sufficient | Q(impersonator__isnull=False))

    def interactive(self) -> Self:
        """Return sessions that are not impersonations."""
        return self.filter(impersonator=None)

    def impersonations(self) -> Self:
        """Return sessions in which an administrator impersonates the user."""
        return self.filter(impersonator__isnull=False)

    def expired(self) -> Self:
        """Return expired sessions."""
        return self.filter(expires_at__lte=timezone.now())

    def in_use_since(self, moment: datetime) -> Self:
        """Return sessions last used at ``moment`` or later."""
        return self.filter(last_seen_at__gte=moment)


class RefreshTokenQuerySet(models.QuerySet["RefreshToken"]):
    """Refresh tokens."""

    def expired(self) -> Self:
        """Return expired refresh tokens."""
        return self.filter(expires_at__lte=timezone.now())

    def past_refresh_grace(self) -> Self:
        """Return tokens whose grace period is over and that still store their successor."""
        grace_start = timezone.now() - settings.REFRESH_GRACE
        return self.filter(successor__isnull=False, used_at__lte=grace_start)


class SuspensionQuerySet(models.QuerySet["Suspension"]):
    """Suspensions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all suspensions; other users see none, not even their own."""
        may_see = actor.is_staff and actor.allows(Scope.USERS_READ)
        return self if may_see else self.none()

    def expired(self) -> Self:
        """Return suspensions whose end has passed."""
        return self.filter(until__lte=timezone.now())


class TotpQuerySet(models.QuerySet["Totp"]):
    """Authenticator apps."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see those of all users; other users see their own; API tokens see none.

        Enrollments that are not confirmed are excluded.
        """
        confirmed = self.filter(confirmed_at__isnull=False)
        if not actor.is_interactive:
            return self.none()
        if actor.is_staff:
            return confirmed
        return confirmed.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()


class PasskeyQuerySet(models.QuerySet["Passkey"]):
    """Passkeys."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see those of all users; other users see their own; API tokens see none."""
        if not actor.is_interactive:
            return self.none()
        if actor.is_staff:
            return self
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def in_order(self) -> Self:
        """Return passkeys oldest first: their ids are UUIDv7."""
        return self.order_by("id")


class ChallengeQuerySet(models.QuerySet[Any]):
    """Pending log-ins and passkey challenges."""

    def open(self) -> Self:
        """Return challenges that can still be answered."""
        return self.filter(expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Return expired challenges."""
        return self.filter(expires_at__lte=timezone.now())
