"""Sessions and the refresh tokens that prolong them."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.ids import new_id
from users.authentication.querysets import RefreshTokenQuerySet, SessionQuerySet


class Session(models.Model):
    """One sign-in on one device. Removing the row ends it on the next request everywhere."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions"
    )
    # Only sessions that live in a cookie have a secret of their own.
    cookie_digest = models.BinaryField(max_length=32, null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    objects = SessionQuerySet.as_manager()

    class Meta:
        """Found by id (tokens) or by the cookie's digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cookie_digest"], name="session_cookie_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="session_expiry")]

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

    objects = RefreshTokenQuerySet.as_manager()

    class Meta:
        """Found by digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="refresh_token_digest_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="refresh_token_expiry")]

    def __str__(self) -> str:
        """Name the row only; the digest is nobody's business."""
        return f"refresh token #{self.pk}"
