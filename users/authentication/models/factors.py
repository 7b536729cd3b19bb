"""Second factors, and what waits for one: log-ins, and passkeys' challenges.

Whoever writes here locks the person first. `User.second_factors` tells which kinds there are, and
is written in the same transaction.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from users.authentication.querysets import (
    ChallengeQuerySet,
    PasskeyQuerySet,
    TotpQuerySet,
)


class Totp(models.Model):
    """An authenticator app (RFC 6238). It is none before the first code of it was entered."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="totp"
    )
    # Sealed for the person under SECRET_KEY; see `manage.py reseal_secrets`.
    secret = models.CharField(max_length=200)
    # A code counts if it is of a later step than the last one that did, so each counts once.
    last_step = models.BigIntegerField(default=0)
    begun_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(_("set up"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    objects = TotpQuerySet.as_manager()

    class Meta:
        """One a person."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")

    def __str__(self) -> str:
        """Name the person's id; the person may not be loaded."""
        return str(self.pk)


class RecoveryCode(models.Model):
    """A code for when the factors are lost, kept as a digest: it has 120 random bits."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    digest = models.BinaryField(max_length=32)
    used_at = models.DateTimeField(null=True)

    class Meta:
        """Found by the person, with the digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_unique"),
        ]

    def __str__(self) -> str:
        """Name the row only."""
        return f"recovery code #{self.pk}"


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
    # At most 1023 bytes, says the specification.
    credential_id = models.BinaryField(max_length=1023)
    public_key = models.BinaryField(max_length=2048)
    sign_count = models.BigIntegerField(default=0)
    # The authenticator's model, by which clients find its name and icon; zeros for "not told".
    aaguid = models.UUIDField()
    # Whether it may leave the device it was made on, and whether it has.
    is_syncable = models.BooleanField()
    is_backed_up = models.BooleanField()
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    objects = PasskeyQuerySet.as_manager()

    class Meta:
        """Found by the credential's id, which is unique among all there are."""

        base_manager_name = "objects"
        verbose_name = _("passkey")
        verbose_name_plural = _("passkeys")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["credential_id"], name="passkey_credential_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "id"], name="passkey_user")]

    def __str__(self) -> str:
        """Name it as its owner does."""
        return self.name


class PendingLogIn(models.Model):
    """A log-in whose password was right, and which waits for the second factor.

    It is no session and opens nothing. Whatever ends the person's sessions ends it, too.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(max_length=32)
    # What the session is to be proved by, and the device that the log-in was counted for.
    transport = models.CharField(max_length=6)
    device_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        """Found by digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="pending_log_in_digest_unique"),
        ]

    def __str__(self) -> str:
        """Name the row only."""
        return f"pending log-in #{self.pk}"


class PasskeyChallenge(models.Model):
    """What a passkey is to sign, kept as a digest, and what the signature is good for."""

    class Purpose(models.TextChoices):
        """What for. Whoever asked with a session or a pending log-in must answer with it."""

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
        """Found by digest, and bound as its purpose wants it."""

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
        """Name the row only."""
        return f"passkey challenge #{self.pk}"
