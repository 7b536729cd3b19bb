"""Invitations of administrators to create an account."""

import datetime as dt
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.email.addresses import canonical_email
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.models import Invitation, User
from users.accounts.policy import may_administer_users, require
from users.accounts.services.create_user import (
    build_verified_user,
    email_taken_error,
    insert_verified_user,
)
from users.accounts.services.mailed_links import read_link, use_link
from users.accounts.services.sign_up import sign_up_closed_error
from users.accounts.services.validation import Problems, clean_name_of, match_locale
from users.accounts.throttling import counts_token
from users.activity.services.record import record
from users.activity.tags import Tag


@transaction.atomic(durable=True)
def invite_user(*, actor: Actor, email: str, name: str = "", locale: str = "en") -> None:
    """Invite the owner of an address to create an account, by a mailed link.

    A later invitation of the address replaces an earlier one. Raises `InputRejectedError`
    and the policy's errors.
    """
    require(actor, may_administer_users)
    _require_open_sign_up()
    problems = Problems()
    with problems.of("email", AccountErrorCode.EMAIL_INVALID):
        email = canonical_email(email)
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        name = clean_name_of(Invitation, "name", name)
    with problems.of("locale", AccountErrorCode.LOCALE_UNSUPPORTED):
        locale = match_locale(locale)
    problems.refuse_any()
    _require_free(email, field="email")
    invitation = Invitation(email=email, name=name, locale=locale, expires_at=_expiry())
    Invitation.objects.bulk_create(
        [invitation],
        update_conflicts=True,
        unique_fields=["email"],
        update_fields=["name", "locale", "nonce", "expires_at"],
    )
    _record_mail(invitation, actor)


@transaction.atomic(durable=True)
def resend_invitation(invitation_id: Any, *, actor: Actor) -> Invitation:
    """Mail a pending invitation again, with a new link that replaces the former one.

    Raises `InputRejectedError` if there is no such invitation, or if it could not be accepted, and
    the policy's errors.
    """
    require(actor, may_administer_users)
    _require_open_sign_up()
    invitation = _get_for_update(invitation_id, actor)
    _require_free(invitation.email, field="invitation_id")
    invitation.nonce, invitation.expires_at = uuid4(), _expiry()
    invitation.save(update_fields=["nonce", "expires_at"])
    _record_mail(invitation, actor)
    return invitation


@transaction.atomic(durable=True)
def cancel_invitation(invitation_id: Any, *, actor: Actor) -> None:
    """Delete a pending invitation, so that its link stops working.

    Raises `InputRejectedError` if there is no such invitation, and the policy's errors.
    """
    require(actor, may_administer_users)
    invitation = _get_for_update(invitation_id, actor)
    invitation.delete()
    record(
        Tag.INVITATION_CANCELED,
        actor=actor,
        subject_id=invitation.nonce,
        personal={"email": invitation.email},
    )


@counts_token
def accept_invitation(token: str, *, actor: Actor, username: str, password: str) -> User:
    """Create the account of an invitation; its link is single-use and verifies the address.

    Rejected input does not consume the invitation. Raises `InputRejectedError` and
    `TooManyAttemptsError`.
    """
    # Before any lock, because the check of the password may call an external service.
    invitation = read_link(Invitation, token)
    user = build_verified_user(
        email=invitation.email, username=username, password=password, name=invitation.name
    )
    with transaction.atomic(durable=True):
        use_link(Invitation, token)
        record(Tag.INVITATION_ACCEPTED, actor=actor, subject_id=user.pk, link=invitation.nonce)
        insert_verified_user(user, locale=invitation.locale, actor=actor)
    return user


def _require_open_sign_up() -> None:
    if settings.SIGN_UP == ["closed"]:
        raise sign_up_closed_error()


def _require_free(email: str, *, field: str) -> None:
    if User.objects.with_address(email).exists():
        raise email_taken_error(field)


def _record_mail(invitation: Invitation, actor: Actor) -> None:
    """Record the event by which the invitation is mailed."""
    personal = {"email": invitation.email}
    record(Tag.USER_INVITED, actor=actor, subject_id=invitation.nonce, personal=personal)


def _get_for_update(invitation_id: Any, actor: Actor) -> Invitation:
    """Return a pending invitation, locked. Raises `InputRejectedError`."""
    visible = Invitation.objects.visible_to(actor).select_for_update()
    invitation: Invitation | None = visible.filter(pk=invitation_id).first()
    if invitation is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("There is no such invitation. It was accepted or canceled, or it has expired."),
                ("invitation_id",),
            )
        )
    return invitation


def _expiry() -> dt.datetime:
    return timezone.now() + settings.INVITATION_TTL
