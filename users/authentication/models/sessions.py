"""Sessions, refresh tokens, password resets and suspensions."""

import datetime as dt
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.email.addresses import EMAIL_MAX_LENGTH
from core.security.actor import Actor
from users.accounts.models import MailedLink, owner_text, user_key
from users.activity.models import UserActivity
from users.scopes import Scope

# Upper bound of `settings.IMPERSONATION_MAX`, enforced by a check constraint.
MAX_IMPERSONATION: Final = dt.timedelta(hours=1)


def password_alone() -> list[str]:
    """Return the `amr` of a sign-in with a password only."""
    return ["pwd"]


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see the sessions of all users; other users see their own.

        An API token without the scope `users:read` sees its owner's only, because the user of a
        session is never null.
        """
        if not actor.allows(Scope.SESSIONS_READ):
            return self.none()
        if actor.is_staff and actor.allows(Scope.USERS_READ):
            return self
        return self.filter(user_id=actor.user_id) if actor.is_authenticated else self.none()

    def for_update(self) -> Self:
        """Return the sessions with their users; reading locks the sessions for update.

        Lock the session before its refresh tokens, when ending and when extending it: the
        transaction that waits then sees every token.
        """
        return self.select_related("user").select_for_update(of=("self",))

    def get_for_update(self, **conditions: Any) -> "Session | None":
        """Return the session that meets the conditions, locked for update."""
        return self.for_update().filter(**conditions).first()

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

    def unexpired(self) -> Self:
        """Return unexpired sessions, of users who may be inactive as well."""
        return self.filter(expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Return expired sessions."""
        return self.filter(expires_at__lte=timezone.now())

    def in_use_since(self, moment: dt.datetime) -> Self:
        """Return sessions last used at ``moment`` or later."""
        return self.filter(last_seen_at__gte=moment)

    def uncounted_uses(
        self, *, since: dt.datetime
    ) -> "models.QuerySet[Session, tuple[UUID, dt.datetime, str]]":
        """Return user, time and client of uses on days without activity of the user."""
        used = self.interactive().in_use_since(since)
        days = used.annotate(day=TruncDate("last_seen_at", tzinfo=dt.UTC))
        counted = UserActivity.objects.filter(
            user=OuterRef("user"), last_active_on__gte=OuterRef("day")
        )
        uses = days.filter(~Exists(counted))
        return uses.order_by("last_seen_at").values_list("user_id", "last_seen_at", "user_agent")


class Session(models.Model):
    """One sign-in on one device. Deleting the row ends it with the next request."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key("sessions", verbose_name=_("person"))
    # Only cookie sessions have a secret of their own.
    cookie_digest = models.BinaryField(max_length=32, null=True)
    user_agent = models.CharField(_("device"), max_length=300, blank=True)
    ip = models.GenericIPAddressField(_("address"), null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # Written at most once in `settings.LAST_SEEN_PRECISION`.
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    # Authentication methods (`amr`, RFC 8176), authenticator assurance level (AAL, NIST SP
    # 800-63B), and the time of the last authentication: by any method, and by a second factor.
    methods = ArrayField(
        models.CharField(max_length=8), verbose_name=_("methods"), default=password_alone
    )
    aal = models.PositiveSmallIntegerField(_("assurance level"), default=1)
    authenticated_at = models.DateTimeField(_("authenticated"), default=timezone.now)
    factor_at = models.DateTimeField(_("second factor"), null=True)
    # The administrator who impersonates the user, and the reason. Such a session has no
    # authentication methods, address or device of the user.
    impersonator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        verbose_name=_("impersonator"),
        related_name="+",
        db_index=False,
        null=True,
    )
    impersonation_reason = models.CharField(
        _("reason"), max_length=500, blank=True, default="", db_default=""
    )

    objects = SessionQuerySet.as_manager()

    class Meta:
        """Looked up by id (access tokens) or by the cookie's digest."""

        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cookie_digest"], name="session_cookie_unique"),
            models.CheckConstraint(
                condition=Q(aal=1, factor_at=None) | Q(aal=2, factor_at__isnull=False),
                name="session_level_is_proved",
            ),
            models.CheckConstraint(
                condition=Q(impersonator=None, impersonation_reason="")
                | (
                    ~Q(impersonation_reason="")
                    & ~Q(impersonator=F("user"))
                    & Q(
                        impersonator__isnull=False,
                        cookie_digest=None,
                        expires_at__lte=F("created_at") + MAX_IMPERSONATION,
                    )
                ),
                name="session_impersonation_is_short",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="session_expiry"),
            models.Index(fields=["user", "id"], name="session_user"),
            models.Index(fields=["last_seen_at"], name="session_last_seen"),
            models.Index(
                fields=["impersonator"],
                name="session_impersonator",
                condition=Q(impersonator__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        """Return the id."""
        return str(self.pk)


class RefreshTokenQuerySet(models.QuerySet["RefreshToken"]):
    """Refresh tokens."""

    def expired(self) -> Self:
        """Return expired refresh tokens."""
        return self.filter(expires_at__lte=timezone.now())

    def past_refresh_grace(self) -> Self:
        """Return tokens whose grace period is over and that still store their successor."""
        grace_start = timezone.now() - settings.REFRESH_GRACE
        return self.filter(successor__isnull=False, used_at__lte=grace_start)


class RefreshToken(models.Model):
    """A single-use token, stored as a digest, exchanged for a new pair of tokens."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="refresh_tokens")
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    # The token issued in exchange, encrypted under this one, for clients that send this one
    # again within `settings.REFRESH_GRACE`.
    successor = models.BinaryField(null=True)

    objects = RefreshTokenQuerySet.as_manager()

    class Meta:
        """Looked up by digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="refresh_token_digest_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="refresh_token_expiry"),
            models.Index(
                fields=["used_at"],
                name="refresh_token_successor",
                condition=Q(successor__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        """Return the row's id; the digest must not appear in logs."""
        return f"refresh token #{self.pk}"


class PasswordReset(MailedLink):
    """A mailed link that lets the recipient choose a new password."""

    renewal = _("We can mail you a new link.")

    user = user_key()
    # The link is valid only while this is an address of the user.
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """One per address: a repeated request mails the same link and cannot invalidate it."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "email"], name="password_reset_unique"),
        ]


class SuspensionQuerySet(models.QuerySet["Suspension"]):
    """Suspensions."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all suspensions; other users see none, not even their own."""
        may_see = actor.is_staff and actor.allows(Scope.USERS_READ)
        return self if may_see else self.none()

    def expired(self) -> Self:
        """Return suspensions whose end has passed."""
        return self.filter(until__lte=timezone.now())


class Suspension(models.Model):
    """The reason and the end of a user's suspension; the user is inactive until then."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        verbose_name=_("person"),
        related_name="suspension",
    )
    reason = models.CharField(_("reason"), max_length=500)
    # Null: until an administrator reactivates the user.
    until = models.DateTimeField(_("until"), null=True, blank=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    objects = SuspensionQuerySet.as_manager()

    class Meta:
        """At most one per user."""

        # Relations from other types must apply `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        indexes: ClassVar = [models.Index(fields=["until"], name="suspension_until")]

    def __str__(self) -> str:
        """Return the username, or the id if the user is not loaded."""
        return owner_text(self)
