"""Lookup and consumption of mailed links."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from users.accounts.errors import AccountErrorCode
from users.accounts.models import EmailAddition, EmailChange, EmailReversal, MailedLink

L = TypeVar("L", bound=MailedLink)


def link_invalid_error(kind: type[MailedLink]) -> InputRejectedError:
    """Return the error about an invalid or used link."""
    text = _("This link is invalid or was already used.")
    return _link_error(kind, AccountErrorCode.TOKEN_INVALID, text)


def _link_error(kind: type[MailedLink], code: AccountErrorCode, text: str) -> InputRejectedError:
    return InputRejectedError(Problem(code, f"{text} {kind.renewal}", ("token",)))


def require_link(links: QuerySet[Any]) -> Any:
    """Return the link found. Raises `InputRejectedError` if there is none or it expired."""
    link = links.first()
    if link is None:
        raise link_invalid_error(links.model)
    if link.expires_at <= timezone.now():
        text = _("This link has expired.")
        raise _link_error(links.model, AccountErrorCode.TOKEN_EXPIRED, text)
    return link


def read_link(kind: type[L], token: str) -> L:
    """Return the link of a token without consuming it.

    Raises `InputRejectedError` if the token is invalid, of another kind, used, replaced or expired.
    """
    link: L = require_link(kind.objects.with_token(token))
    return link


def use_link(kind: type[L], token: str) -> L:
    """Delete and return the link of a token, in the caller's transaction.

    The row lock makes it single-use under concurrency. Raises the errors of `read_link`.
    """
    link: L = require_link(kind.objects.with_token(token).select_for_update())
    kind.objects.filter(pk=link.pk).delete()
    return link


def create_reversal(user_id: UUID, email: str, *, changed_at: datetime) -> UUID:
    """Let a former, verified address undo the change; return the link's nonce.

    Call it with the user locked.
    """
    reversal = EmailReversal(
        user_id=user_id,
        email=email,
        changed_at=changed_at,
        expires_at=changed_at + settings.EMAIL_REVERSAL_TTL,
    )
    EmailReversal.objects.bulk_create(
        [reversal],
        update_conflicts=True,
        unique_fields=["user", "email"],
        update_fields=["nonce", "changed_at", "expires_at"],
    )
    return reversal.nonce


def end_address_links_of(user_id: UUID) -> None:
    """Delete the user's links to confirm addresses, in the caller's transaction.

    Call it with the user locked.
    """
    for kind in (EmailChange, EmailAddition):
        kind.objects.filter(user=user_id).delete()
