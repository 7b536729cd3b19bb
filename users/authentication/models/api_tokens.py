"""API tokens, by which programs speak for their owners; and who sees which."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.security.actor import Actor
from users.accounts.models import User


def scope_field() -> Any:
    """Return the column of scopes, by their names."""
    return ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"))


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """API tokens."""

    def visible_to(self, actor: Actor) -> Self:
        """Administrators see all; others see their own. Tokens do not see tokens."""
        if not actor.is_interactive or not actor.is_authenticated:
            return self.none()
        return self if actor.is_superuser else self.filter(user_id=actor.user_id)

    def active(self) -> Self:
        """Those that work, unless their owners may not sign in; a revoked one is no row."""
        return self.filter(expires_at__gt=Now())

    def expired(self) -> Self:
        """Those that have run out."""
        return self.filter(expires_at__lte=Now())


class ApiToken(models.Model):
    """A secret, kept as a digest, that speaks for its owner within its scopes until it expires.

    Removing the row revokes it. The secret has 256 random bits, so the digest needs no salt.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_tokens",
        verbose_name=_("owner"),
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=100)
    digest = models.BinaryField(max_length=32)
    scopes = scope_field()
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    # Written at most once in `settings.LAST_SEEN_PRECISION`.
    last_used_at = models.DateTimeField(_("last used"), null=True)
    # When it got a successor; it expires when the two have overlapped long enough.
    rotated_at = models.DateTimeField(_("rotated"), null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        """Found by digest."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="api_token_digest_unique"),
            models.CheckConstraint(condition=~Q(scopes=[]), name="api_token_scoped"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="api_token_expires"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "id"], name="api_token_user"),
            models.Index(fields=["expires_at"], name="api_token_expiry"),
        ]

    def __str__(self) -> str:
        """Name the row only; the digest is nobody's business."""
        return f"API token {self.pk}"


class ServiceAccount(User):
    """A program's account, by which the admin shows these apart; the table is that of people."""

    class Meta:
        """No table, and no permissions, of its own."""

        proxy = True
        default_permissions = ()
        verbose_name = _("service account")
        verbose_name_plural = _("service accounts")
