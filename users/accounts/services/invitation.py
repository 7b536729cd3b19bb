"""Invitations of administrators to create an account."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.email.addresses import canonical_email
from core.errors import GenericErrorCode
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
from users.accounts.services.validation import Problems, check_field, check_locale
from users.accounts.throttling import count_token
from users.activity.services.record import record
from users.activity.tags import Tag


@transaction.atomic(durable=True)
def invite_user(*, actor: Actor, email: str, name: str = "", locale: str = "en") -> None:
    """Invite the owner of an address to create an account, by a mailed link.

    A later invitation of the address replaces an earlier one. Raises `InputRejectedError`
    and the policy's errors.
    """
    require(actor, may_administer_users)
    if settings.SIGN_UP == ["closed"]:
        raise sign_up_closed_error()
    problems = Problems()
    with problems.of("email", AccountErrorCode.EMAIL_INVALID):
        email = canonical_email(email)
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        check_field(Invitation, "name", name)
    with problems.of("locale", AccountErrorCode.LOCALE_UNSUPPORTED):
        check_locale(locale)
    problems.refuse_any()
    if User.objects.with_address(email).exists():
        raise email_taken_error()
    invitation = Invitation(
        email=email, name=name, locale=locale, expires_at=timezone.now() + settings.INVITATION_TTL
    )
    Invitation.objects.bulk_create(
        [invitation],
        update_conflicts=True,
        unique_fields=["email"],
        update_fields=["name", "locale", "nonce", "expires_at"],
    )
    record(Tag.USER_INVITED, actor=actor, subject_id=invitation.nonce, personal={"email": email})


def accept_invitation(token: str, *, actor: Actor, username: str, password: str) -> User:
    """Create the account of an invitation; its link is single-use and verifies the address.

    Rejected input does not consume the invitation. Raises `InputRejectedError` and
    `TooManyAttemptsError`.
    """
    count_token(actor)
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
