"""What still gives access to an account or its data after a password reset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.security.actor import Actor
from users.accounts.models import EmailAddress
from users.authentication.models import ApiToken, Passkey, Totp
from users.authentication.services.api_tokens import revoke_api_tokens_of


@dataclass(frozen=True, slots=True)
class AccessKind:
    """A kind of access that does not depend on the password.

    ``revoke`` revokes it of a locked user. It is None for second factors and secondary addresses:
    access to a mailbox must not remove them, so their user removes them after signing in.
    """

    # With the placeholder ``count``.
    text: Any
    count: Callable[[UUID], int]
    revoke: Callable[[UUID, Actor], None] | None = None


_kinds: Final[dict[str, AccessKind]] = {}


def register_access(name: str, kind: AccessKind) -> None:
    """Register a kind of access of an app."""
    _kinds[name] = kind


def remaining_access(user_id: UUID) -> dict[str, int]:
    """Return the numbers by kind, also of kinds that the user does not have."""
    return {name: kind.count(user_id) for name, kind in _kinds.items()}


def describe_access(counts: Mapping[str, int]) -> str:
    """Return a sentence with the kinds that the user has; empty without any."""
    kinds = [str(_kinds[name].text) % {"count": count} for name, count in counts.items() if count]
    if not kinds:
        return ""
    text = gettext("These still work: %(access)s. Sign in to revoke what is not yours.")
    return text % {"access": ", ".join(kinds)}


def revoke_access(user_id: UUID, *, actor: Actor) -> None:
    """Revoke what can be revoked of a locked user's access, in the caller's transaction."""
    for kind in _kinds.values():
        if kind.revoke:
            kind.revoke(user_id, actor)


register_access(
    "api_tokens",
    AccessKind(
        _("API tokens: %(count)d"),
        lambda user_id: ApiToken.objects.active().filter(user=user_id).count(),
        lambda user_id, actor: revoke_api_tokens_of(user_id, actor=actor),
    ),
)
register_access(
    "passkeys",
    AccessKind(
        _("Passkeys: %(count)d"), lambda user_id: Passkey.objects.filter(user=user_id).count()
    ),
)
register_access(
    "authenticator_apps",
    AccessKind(
        _("Authenticator apps: %(count)d"),
        lambda user_id: Totp.objects.filter(user=user_id, confirmed_at__isnull=False).count(),
    ),
)
register_access(
    "email_addresses",
    AccessKind(
        _("Other e-mail addresses, which can reset the password: %(count)d"),
        lambda user_id: EmailAddress.objects.filter(user=user_id).count(),
    ),
)
