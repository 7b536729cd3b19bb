"""Reads of sessions, tokens and second factors."""

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
        """Staff see everybody's sessions; others see their own."""
        if not actor.allows(Scope.SESSIONS_READ):
            return self.none()
        if actor.is_staff:
            return self
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def get_for_update(self, **conditions: Any) -> "Session | None":
        """Return the session that meets the conditions, locked until the transaction ends.

        Whoever ends or prolongs a session locks it before touching its tokens, so that the
        one who comes second sees all of them.
        """
        locked = self.select_related("user").select_for_update(of=("self",))
        return locked.filter(**conditions).first()

    def get_user_sessions_for_update(
        self, user_id: UUID, *, keep: UUID | None = None
    ) -> "list[Session]":
        """Lock a person's sessions but for the one to ``keep``, in the order of their ids.

        Those in which the person acts in somebody's name are among them. Two who lock several in
        the same order never wait for each other.
        """
        of_person = self.filter(Q(user_id=user_id) | Q(impersonator_id=user_id))
        if keep is not None:
            of_person = of_person.exclude(pk=keep)
        needed = of_person.only("user_id", "impersonator_id", "created_at", "expires_at")
        return list(needed.order_by("pk").select_for_update())

    def active(self, now: Any = None) -> Self:
        """Those that have not run out, of people who may sign in; an ended one is no row.

        Of somebody who has a second factor, only those that were begun with one. An administrator
        acts in somebody's name as long as both are what they were when that began.
        """
        impersonates = Q(
            impersonator__is_active=True,
            impersonator__is_superuser=True,
            user__is_staff=False,
            user__is_superuser=False,
        )
        return self.with_required_factors().filter(
            Q(impersonator=None) | impersonates,
            expires_at__gt=now or timezone.now(),
            user__is_active=True,
        )

    def with_required_factors(self) -> Self:
        """Those that proved as much as there is to prove of their person.

        Whoever acts in somebody's name proved who they are themselves.
        """
        proved = Q(aal__gte=2) | Q(user__second_factors__len=0)
        return self.filter(proved | Q(impersonator__isnull=False))

    def interactive(self) -> Self:
        """Those of people themselves."""
        return self.filter(impersonator=None)

    def impersonations(self) -> Self:
        """Those in which an administrator acts in somebody's name."""
        return self.filter(impersonator__isnull=False)

    def expired(self) -> Self:
        """Those that have run out."""
        return self.filter(expires_at__lte=timezone.now())

    def in_use_since(self, moment: datetime) -> Self:
        """Those that were used then or later."""
        return self.filter(last_seen_at__gte=moment)


class RefreshTokenQuerySet(models.QuerySet["RefreshToken"]):
    """Refresh tokens."""

    def expired(self) -> Self:
        """Those that have run out."""
        return self.filter(expires_at__lte=timezone.now())

    def past_refresh_grace(self) -> Self:
        """Those that still carry their successor, and will not be asked for it again."""
        over = timezone.now() - settings.REFRESH_GRACE
        return self.filter(successor__isnull=False, used_at__lte=over)


class SuspensionQuerySet(models.QuerySet["Suspension"]):
    """Suspensions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see whom the service shut out; the person is told by whoever did it."""
        may_see = actor.is_staff and actor.allows(Scope.USERS_READ)
        return self if may_see else self.none()

    def expired(self) -> Self:
        """Those that are to be lifted."""
        return self.filter(until__lte=timezone.now())


class TotpQuerySet(models.QuerySet["Totp"]):
    """Authenticator apps."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see who has one; others see their own. One that was never used is none.

        API tokens see none, of themselves neither.
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
        """Staff see everybody's; others see their own, and API tokens none."""
        if not actor.is_interactive:
            return self.none()
        if actor.is_staff:
            return self
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def in_order(self) -> Self:
        """Put the oldest first; ids grow with time."""
        return self.order_by("id")


class ChallengeQuerySet(models.QuerySet[Any]):
    """What waits for an answer."""

    def open(self) -> Self:
        """Those that still wait."""
        return self.filter(expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Those that nobody answered in time."""
        return self.filter(expires_at__lte=timezone.now())
