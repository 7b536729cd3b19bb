"""API tokens and service accounts."""

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
    """Return the column for the names of scopes."""
    return ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"))


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """API tokens."""

    def visible_to(self, actor: Actor) -> Self:
        """Administrators see all tokens; other users see their own; API tokens see none."""
        if not actor.is_interactive or not actor.is_authenticated:
            return self.none()
        return self if actor.is_superuser else self.filter(user_id=actor.user_id)

    def active(self) -> Self:
        """Return unexpired tokens. Revoked tokens have no row; owners may be inactive."""
        return self.filter(expires_at__gt=Now())

    def expired(self) -> Self:
        """Return expired tokens."""
        return self.filter(expires_at__lte=Now())


class ApiToken(models.Model):
    """A token that authenticates as its owner, limited to its scopes.

    Deleting the row revokes it. Only a digest is stored; the secret has 256 random bits, so the
    digest needs no salt.
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
    # When a successor was issued; this token expires at the end of the overlap.
    rotated_at = models.DateTimeField(_("rotated"), null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        """Looked up by digest."""

        # Relations from other types must apply `visible_to`, too.
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
        """Return the row's id; the digest must not appear in logs."""
        return f"API token {self.pk}"


class ServiceAccount(User):
    """A service account, as a proxy model that gives the admin a separate list."""

    class Meta:
        """Shares the table and the permissions of `User`."""

        proxy = True
        default_permissions = ()
        verbose_name = _("service account")
        verbose_name_plural = _("service accounts")
