"""What a mailed link opens: looking at it, and using it up."""

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from users.accounts.errors import AccountErrorCode
from users.accounts.models import EmailAddition, EmailChange, MailedLink

L = TypeVar("L", bound=MailedLink)


def link_invalid_error() -> InputRejectedError:
    """Return the refusal of a link that leads nowhere."""
    return InputRejectedError(
        Problem(
            AccountErrorCode.TOKEN_INVALID,
            _("This link was used already or is not valid. Ask for a new one."),
            ("token",),
        )
    )


def require_link(links: QuerySet[Any]) -> Any:
    """Return the link that was found. Raises `InputRejectedError` if it leads nowhere."""
    link = links.first()
    if link is None:
        raise link_invalid_error()
    if link.expires_at <= timezone.now():
        raise InputRejectedError(
            Problem(
                AccountErrorCode.TOKEN_EXPIRED,
                _("This link is too old. Ask for a new one."),
                ("token",),
            )
        )
    return link


def read_link(kind: type[L], token: str) -> L:
    """Return what the token opens, and leave it.

    Raises `InputRejectedError` if the token is not of this kind, was used, was replaced or is
    too old.
    """
    link: L = require_link(kind.objects.with_token(token))
    return link


def use_link(kind: type[L], token: str) -> L:
    """Remove and return what the token opens, in the caller's transaction.

    Of several who come with the same token the first gets it. Raises as `read_link` does.
    """
    link: L = require_link(kind.objects.with_token(token).select_for_update())
    kind.objects.filter(pk=link.pk).delete()
    return link


def end_address_links_of(user_id: UUID) -> None:
    """Make the user's pending links to confirm addresses void, in the caller's transaction.

    The caller has locked the user.
    """
    for kind in (EmailChange, EmailAddition):
        kind.objects.filter(user=user_id).delete()
