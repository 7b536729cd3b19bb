"""Signing up, and becoming a user by verifying the address."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.actor import Actor
from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import SignUp, User
from users.accounts.services.creation import check_new_account, insert_user, username_taken
from users.activity.record import record
from users.activity.tags import Tag

_signer = signing.Signer(salt="accounts.sign_up")


@transaction.atomic(durable=True)
def sign_up(*, actor: Actor, email: str, username: str, password: str, locale: str) -> None:
    """Reserve the username and ask the address's owner to verify.

    1. Check the input; the checks know nothing of the address being in use.
    2. Write the pending sign-up, replacing an earlier one for this address.
    3. Record the event, on which a worker mails the owner: a link to verify or, if there is
       an account already, a notice of the attempt.

    Known and unknown addresses take the same steps and get the same answer. Raises
    `InputRejectedError`.
    """
    identity = check_new_account(email=email, username=username, password=password, locale=locale)
    SignUp.objects.expired().filter(username=identity.username).delete()
    pending = SignUp(
        email=identity.email,
        username=identity.username,
        password=make_password(password),
        locale=locale,
        expires_at=timezone.now() + settings.SIGN_UP_TTL,
    )
    try:
        SignUp.objects.bulk_create(
            [pending],
            update_conflicts=True,
            unique_fields=["email"],
            update_fields=["username", "password", "locale", "nonce", "expires_at"],
        )
    except IntegrityError:
        raise username_taken() from None
    # Asked after the insert, which waits for a verification of the same name to commit.
    if User.objects.filter(username=identity.username).exists():
        raise username_taken()
    record(Tag.SIGN_UP_REQUESTED, actor=actor, subject_id=pending.nonce)


def verification_token(pending: SignUp) -> str:
    """Return the secret for the link. It is derived, so nothing that opens it is stored."""
    return _signer.sign(pending.nonce.hex)


@transaction.atomic(durable=True)
def verify_email(token: str, *, actor: Actor) -> User:
    """Turn the pending sign-up into a user; its link works once.

    Raises `InputRejectedError` for a token that was never given out, was used, was replaced by
    a later sign-up or is too old.
    """
    pending = _pending_sign_up(token)
    if pending is None:
        raise InputRejectedError(
            Problem(
                ErrorCode.TOKEN_INVALID,
                _("This link was used already or is not valid. Sign up again to get a new one."),
                ("token",),
            )
        )
    if pending.expires_at <= timezone.now():
        raise InputRejectedError(
            Problem(
                ErrorCode.TOKEN_EXPIRED,
                _("This link is too old. Sign up again to get a new one."),
                ("token",),
            )
        )
    pending.delete()
    user = User(email=pending.email, username=pending.username, password=pending.password)
    try:
        insert_user(user, locale=pending.locale)
    except InputRejectedError as error:
        # An administrator gave the address or the username away meanwhile.
        problems = (replace(problem, field=("token",)) for problem in error.problems)
        raise InputRejectedError(*problems) from None
    record(Tag.EMAIL_VERIFIED, actor=actor, subject_id=user.pk)
    record(Tag.USER_CREATED, actor=actor, subject_id=user.pk)
    return user


def _pending_sign_up(token: str) -> SignUp | None:
    try:
        nonce = UUID(hex=_signer.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return SignUp.objects.select_for_update().filter(nonce=nonce).first()
