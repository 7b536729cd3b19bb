"""Second factors, pending log-ins and passkey challenges.

Lock the user before writing to these tables. `User.second_factors` lists the kinds of factors and
is updated in the same transaction.
"""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.security.actor import Actor


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


class Totp(models.Model):
    """An authenticator app (RFC 6238), active once a first code has confirmed it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="totp"
    )
    # Sealed under SECRET_KEY and bound to the user; see `manage.py reseal_secrets`.
    secret = models.CharField(max_length=200)
    # The time step of the last accepted code. Only later steps are valid: codes are single-use.
    last_step = models.BigIntegerField(default=0)
    begun_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(_("set up"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    objects = TotpQuerySet.as_manager()

    class Meta:
        """One per user."""

        # Relations from other types must apply `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")

    def __str__(self) -> str:
        """Return the user's id; loading the user would cost a query."""
        return str(self.pk)


class RecoveryCodeQuerySet(models.QuerySet["RecoveryCode"]):
    """Recovery codes."""

    def unused(self) -> Self:
        """Return the codes that can still be used."""
        return self.filter(used_at=None)


class RecoveryCode(models.Model):
    """A single-use code that replaces a lost second factor, stored as a digest.

    A code has 120 random bits, so the digest needs no salt.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    digest = models.BinaryField(max_length=32)
    used_at = models.DateTimeField(null=True)

    objects = RecoveryCodeQuerySet.as_manager()

    class Meta:
        """Looked up by user and digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_unique"),
        ]

    def __str__(self) -> str:
        """Return the row's id; the digest must not appear in logs."""
        return f"recovery code #{self.pk}"


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


class Passkey(models.Model):
    """A discoverable credential (Web Authentication Level 3, section 4)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="passkeys",
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=100)
    # The specification allows at most 1023 bytes.
    credential_id = models.BinaryField(max_length=1023)
    public_key = models.BinaryField(max_length=2048)
    sign_count = models.BigIntegerField(default=0)
    # The authenticator's model, for its name and icon; all zeros if the device hides it.
    aaguid = models.UUIDField()
    # Whether the key can be synced to other devices (backup eligible), and whether it has been.
    is_syncable = models.BooleanField()
    is_backed_up = models.BooleanField()
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    objects = PasskeyQuerySet.as_manager()

    class Meta:
        """Looked up by the credential's id, which is globally unique."""

        base_manager_name = "objects"
        verbose_name = _("passkey")
        verbose_name_plural = _("passkeys")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["credential_id"], name="passkey_credential_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "id"], name="passkey_user")]

    def __str__(self) -> str:
        """Return the name that the owner chose."""
        return self.name


class ChallengeQuerySet(models.QuerySet[Any]):
    """Pending log-ins and passkey challenges."""

    def open(self) -> Self:
        """Return challenges that can still be answered."""
        return self.filter(expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Return expired challenges."""
        return self.filter(expires_at__lte=timezone.now())


class PendingLogIn(models.Model):
    """A log-in with a correct password that still requires a second factor.

    It gives no access. Ending the user's sessions deletes it, too.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(max_length=32)
    # The transport of the future session, and the known device the attempt was counted for.
    transport = models.CharField(max_length=6)
    device_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        """Looked up by digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="pending_log_in_digest_unique"),
        ]

    def __str__(self) -> str:
        """Return the row's id; the digest must not appear in logs."""
        return f"pending log-in #{self.pk}"


class PasskeyChallenge(models.Model):
    """A challenge for a passkey to sign, stored as a digest."""

    class Purpose(models.TextChoices):
        """The ceremony that the challenge is for.

        The response must come with the session or pending log-in that requested the challenge.
        """

        REGISTRATION = "register"
        LOG_IN = "log_in"
        SECOND_FACTOR = "factor"
        REAUTHENTICATION = "again"

    digest = models.BinaryField(max_length=32)
    purpose = models.CharField(max_length=8, choices=Purpose)
    session = models.ForeignKey(
        "authentication.Session", on_delete=models.CASCADE, related_name="+", null=True
    )
    log_in = models.ForeignKey(PendingLogIn, on_delete=models.CASCADE, related_name="+", null=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        """Looked up by digest; the purpose determines what the challenge is bound to."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="passkey_challenge_digest_unique"),
            models.CheckConstraint(
                condition=(
                    Q(purpose="log_in", session=None, log_in=None)
                    | Q(purpose="factor", session=None, log_in__isnull=False)
                    | Q(purpose__in=["register", "again"], session__isnull=False, log_in=None)
                ),
                name="passkey_challenge_is_bound",
            ),
        ]

    def __str__(self) -> str:
        """Return the row's id; the digest must not appear in logs."""
        return f"passkey challenge #{self.pk}"
