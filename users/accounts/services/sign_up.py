"""Signing up, and becoming a user by verifying the address."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.actor import Actor
from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.identifiers import readable_email
from users.accounts.models import SignUp, User
from users.accounts.services.creation import (
    check_identifiers,
    check_new_account,
    insert_user,
    username_taken,
)
from users.accounts.services.links import use_link
from users.accounts.throttling import count_mail, count_token
from users.activity.record import record
from users.activity.tags import Tag


def sign_up(*, actor: Actor, email: str, username: str, password: str, locale: str) -> None:
    """Reserve the username and ask the address's owner to verify.

    1. Check the input; the checks know nothing of the address being in use.
    2. Write the pending sign-up, replacing an earlier one for this address.
    3. Record the event, on which a worker mails the owner: a link to verify or, if there is
       an account already, a notice of the attempt.

    Known and unknown addresses take the same steps and get the same answer. Raises
    `InputRejectedError` and `TooManyAttemptsError`.
    """
    identity = check_new_account(
        email=email, username=username, password=password, locale=locale, is_own_choice=True
    )
    check_may_sign_up(identity.email, field="email")
    count_mail(actor, identity.email)
    pending = SignUp(
        email=identity.email,
        username=identity.username,
        password=make_password(password),
        locale=locale,
        expires_at=timezone.now() + settings.SIGN_UP_TTL,
    )
    with transaction.atomic(durable=True):
        _write_sign_up(pending)
        record(Tag.SIGN_UP_REQUESTED, actor=actor, subject_id=pending.nonce)


def resend_verification(email: str, *, actor: Actor) -> None:
    """Have the link of a pending sign-up mailed again; whether there is one is not told.

    Raises `InputRejectedError` for what is no address, and `TooManyAttemptsError`.
    """
    email = check_identifiers({"email": email})["email"]
    count_mail(actor, email)
    with transaction.atomic(durable=True):
        nonce = SignUp.objects.filter(email=email).values_list("nonce", flat=True).first()
        record(Tag.SIGN_UP_VERIFICATION_REQUESTED, actor=actor, subject_id=nonce)


def verify_email(token: str, *, actor: Actor) -> User:
    """Turn the pending sign-up into a user; its link works once.

    Raises `InputRejectedError` for a token that was never given out, was used, was replaced by
    a later sign-up or is too old, and `TooManyAttemptsError`.
    """
    count_token(actor)
    with transaction.atomic(durable=True):
        pending = use_link(SignUp, token)
        user = User(
            email=pending.email,
            email_verified_at=timezone.now(),
            username=pending.username,
            password=pending.password,
        )
        try:
            insert_user(user, locale=pending.locale)
        except InputRejectedError as error:
            # An administrator gave the address or the username away meanwhile.
            raise error.about("token") from None
        record(Tag.EMAIL_VERIFIED, actor=actor, subject_id=user.pk)
        record(Tag.USER_CREATED, actor=actor, subject_id=user.pk, link=pending.nonce)
    return user


def check_may_sign_up(email: str, *, field: str, is_invited: bool = False) -> None:
    """Raise `InputRejectedError` unless `settings.SIGN_UP` lets the address's owner in.

    ``is_invited`` says that a member of an organisation vouches for them. A refusal of the
    address is about ``field``.
    """
    if settings.SIGN_UP == ["open"] or (is_invited and settings.SIGN_UP == ["invitation"]):
        return
    if settings.SIGN_UP == ["closed"]:
        raise sign_up_closed()
    if settings.SIGN_UP == ["invitation"]:
        raise InputRejectedError(
            Problem(ErrorCode.SIGN_UP_CLOSED, _("You can get an account by invitation only."))
        )
    if email.rpartition("@")[2] not in settings.SIGN_UP:
        raise InputRejectedError(
            Problem(
                ErrorCode.EMAIL_DOMAIN_NOT_ALLOWED,
                _("Use an address of one of these domains: %(domains)s.")
                % {"domains": ", ".join(map(readable_email, settings.SIGN_UP))},
                (field,),
            )
        )


def sign_up_closed() -> InputRejectedError:
    """Return the refusal of whoever has not got the account from an administrator."""
    return InputRejectedError(
        Problem(ErrorCode.SIGN_UP_CLOSED, _("Here, administrators make the accounts."))
    )


def _write_sign_up(pending: SignUp) -> None:
    """Add the sign-up or replace the address's earlier one, in the caller's transaction."""
    SignUp.objects.expired().filter(username=pending.username).delete()
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
    if User.objects.filter(username=pending.username).exists():
        raise username_taken()
