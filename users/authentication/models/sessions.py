"""Sessions, what prolongs and ends them, and resets of passwords."""

import datetime as dt
from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.email.addresses import EMAIL_MAX_LENGTH
from users.accounts.fields import user_key
from users.accounts.models import MailedLink
from users.authentication.querysets import (
    RefreshTokenQuerySet,
    SessionQuerySet,
    SuspensionQuerySet,
)

# No setting goes beyond this.
MAX_IMPERSONATION: Final = dt.timedelta(hours=1)


def password_alone() -> list[str]:
    """Return what a person proves by a password."""
    return ["pwd"]


class Session(models.Model):
    """One sign-in on one device. Removing the row ends it on the next request everywhere."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key("sessions", verbose_name=_("person"))
    # Only sessions that live in a cookie have a secret of their own.
    cookie_digest = models.BinaryField(max_length=32, null=True)
    user_agent = models.CharField(_("device"), max_length=300, blank=True)
    ip = models.GenericIPAddressField(_("address"), null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # Written at most once in `settings.LAST_SEEN_PRECISION`.
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    # How the person proved who they are (`amr`, RFC 8176), the authenticator assurance level of
    # that (NIST SP 800-63B), and when they last did: by whatever it was, and by a second factor.
    methods = ArrayField(
        models.CharField(max_length=8), verbose_name=_("methods"), default=password_alone
    )
    aal = models.PositiveSmallIntegerField(_("assurance level"), default=1)
    authenticated_at = models.DateTimeField(_("authenticated"), default=timezone.now)
    factor_at = models.DateTimeField(_("second factor"), null=True)
    # The administrator who acts in the person's name, and why. Whoever that is proved nothing of
    # the person, and says nothing of where the person is.
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
        """Found by id (tokens) or by the cookie's digest."""

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
        """Name the row."""
        return str(self.pk)


class RefreshToken(models.Model):
    """A secret, kept as a digest, that buys one new pair of tokens for its session."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="refresh_tokens")
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    # The token that this one bought, encrypted under this one, for those who present this one
    # again at the same moment.
    successor = models.BinaryField(null=True)

    objects = RefreshTokenQuerySet.as_manager()

    class Meta:
        """Found by digest."""

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
        """Name the row only; the digest is nobody's business."""
        return f"refresh token #{self.pk}"


class PasswordReset(MailedLink):
    """Leave to choose a new password, for whoever reads the address it was mailed to."""

    user = user_key()
    # A link that was mailed to a former address of the person does not count.
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """One an address: asking again mails the same link again, so nobody can spoil it."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "email"], name="password_reset_unique"),
        ]


class Suspension(models.Model):
    """Why a person may not sign in, and until when; the account is not active meanwhile."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        verbose_name=_("person"),
        related_name="suspension",
    )
    reason = models.CharField(_("reason"), max_length=500)
    # Null: until an administrator lifts it.
    until = models.DateTimeField(_("until"), null=True, blank=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    objects = SuspensionQuerySet.as_manager()

    class Meta:
        """One a person at a time."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        indexes: ClassVar = [models.Index(fields=["until"], name="suspension_until")]

    def __str__(self) -> str:
        """Name the person's id; the person may not be loaded."""
        return str(self.pk)
