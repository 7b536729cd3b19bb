"""Sign-up, and verification of its address.

A sign-up is unverified and may have a stranger's address. So it neither reserves the username nor
sets the account's password, unless the reader of the mailed link enters the same password ("A
sign-up decides nothing", docs/decisions.md).
"""

from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.ratelimit.limits import counted
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import readable_email
from users.accounts.models import SignUp, User
from users.accounts.services.create_user import (
    build_verified_user,
    check_identifiers,
    check_new_account,
    derive_username,
    insert_verified_user,
    lock_sign_ups,
    username_taken_error,
)
from users.accounts.services.mailed_links import read_link, use_link
from users.accounts.services.stored_passwords import check_stored_password, hash_password
from users.accounts.throttling import count_mail, count_sign_up, counts_token, mails_to
from users.activity.services.record import record
from users.activity.tags import Tag


def sign_up(  # noqa: PLR0913 - what an account consists of
    *,
    actor: Actor,
    email: str,
    password: str,
    locale: str,
    username: str | None = None,
    name: str = "",
) -> None:
    """Request an account; a link to verify the address is mailed.

    Without a ``username`` one is derived when the address is verified.

    1. Count the attempt, also one that is refused, before the look-up of breached passwords.
    2. Validate the input, independently of whether the address has an account.
    3. Write the pending sign-up, beside any others for this address.
    4. Record the event. A task mails the owner the link or, if the address has an account, a
       notice.

    Known and unknown addresses take the same steps and get the same response (no enumeration, no
    timing side channel). Raises
    `InputRejectedError` and `TooManyAttemptsError`.
    """
    count_sign_up(actor)
    identity = check_new_account(
        email=email,
        username=username,
        password=password,
        name=name,
        locale=locale,
        is_own_choice=True,
    )
    check_may_sign_up(identity.email, field="email")
    with counted(*mails_to(identity.email, actor)):
        encoded = hash_password(password)
    pending = SignUp(
        email=identity.email,
        username=identity.username,
        name=identity.name,
        password=encoded,
        locale=identity.locale,
        expires_at=timezone.now() + settings.SIGN_UP_TTL,
    )
    with transaction.atomic(durable=True):
        if pending.username and User.objects.filter(username=pending.username).exists():
            raise username_taken_error()
        pending.save(force_insert=True)
        record(Tag.SIGN_UP_REQUESTED, actor=actor, subject_id=pending.nonce)


def resend_verification(email: str, *, actor: Actor, username: str | None = None) -> None:
    """Mail the link of a pending sign-up again; the response is the same without one.

    Selects the latest sign-up for the address and, if given, the ``username``. Raises
    `InputRejectedError` for a malformed address or username, and `TooManyAttemptsError`.
    """
    identifiers = {"email": email} if username is None else {"email": email, "username": username}
    conditions = check_identifiers(identifiers)
    count_mail(actor, conditions["email"])
    with transaction.atomic(durable=True):
        sign_ups = SignUp.objects.filter(**conditions).order_by("-pk")
        nonce = sign_ups.values_list("nonce", flat=True).first()
        record(Tag.SIGN_UP_VERIFICATION_REQUESTED, actor=actor, subject_id=nonce)


@counts_token
def verify_email(
    token: str,
    *,
    actor: Actor,
    password: str | None = None,
    new_password: str | None = None,
    username: str | None = None,
) -> User:
    """Turn a pending sign-up into a user; its link is single-use.

    The link verifies the mailbox only, and the sign-up may be a stranger's. So it requires either
    the ``password`` of the sign-up, optionally with another ``username``; or a ``new_password`` and
    a ``username``, which replace those of the sign-up. Rejected input does not consume the link.

    Raises `InputRejectedError`, also for an invalid, used or expired token, and if the address or
    the username was taken meanwhile; and `TooManyAttemptsError`.
    """
    # Before any lock, because the check of the password may call an external service.
    requested = read_link(SignUp, token)
    if new_password is None:
        user = _user_as_requested(requested, password=password, username=username)
    elif password is None:
        user = _user_as_chosen(requested, password=new_password, username=username or "")
    else:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Give the password of the sign-up or a new password, not both."),
                ("new_password",),
            )
        )
    is_derived = new_password is None and not (username or requested.username)
    try:
        _create_user(user, requested.email, token, actor=actor)
    except InputRejectedError as error:
        if not is_derived or error.problems[0].code is not AccountErrorCode.USERNAME_TAKEN:
            raise
        # By a concurrent account, since it was derived.
        user.username = _derived_username(requested)
        _create_user(user, requested.email, token, actor=actor)
    return user


@transaction.atomic(durable=True)
def _create_user(user: User, email: str, token: str, *, actor: Actor) -> None:
    """Consume the link of a sign-up, and save its user. Raises `InputRejectedError`."""
    lock_sign_ups(email)
    pending = use_link(SignUp, token)
    record(Tag.EMAIL_VERIFIED, actor=actor, subject_id=user.pk)
    try:
        insert_verified_user(user, locale=pending.locale, actor=actor, link=pending.nonce)
    except InputRejectedError as error:
        if error.problems[0].code is AccountErrorCode.EMAIL_TAKEN:
            raise error.with_field("token") from None
        raise


def _user_as_requested(sign_up: SignUp, *, password: str | None, username: str | None) -> User:
    """Return the unsaved user of a sign-up. Raises `InputRejectedError` for a wrong password."""
    if password is None:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.PASSWORD_REQUIRED,
                _(
                    "Enter the password of this sign-up. If you did not sign up, or do not "
                    "remember it, choose a username and a new password."
                ),
                ("password",),
            )
        )
    if not check_stored_password(password, sign_up.password):
        raise InputRejectedError(
            Problem(
                AccountErrorCode.PASSWORD_WRONG,
                _(
                    "This is not the password of this sign-up. If you mistyped it, try again. If "
                    "you did not sign up, or do not remember the password, choose a username and a "
                    "new password. They replace those of the sign-up."
                ),
                ("password",),
            )
        )
    return build_verified_user(
        email=sign_up.email,
        username=username or sign_up.username or _derived_username(sign_up),
        name=sign_up.name,
        password=password,
        encoded=sign_up.password,
    )


def _derived_username(sign_up: SignUp) -> str:
    return derive_username(name=sign_up.name, email=sign_up.email)


def _user_as_chosen(sign_up: SignUp, *, password: str, username: str) -> User:
    """Return the unsaved user with a newly chosen username and password."""
    try:
        return build_verified_user(email=sign_up.email, username=username, password=password)
    except InputRejectedError as error:
        problems = (
            replace(each, field=("new_password",)) if "password" in each.field else each
            for each in error.problems
        )
        raise InputRejectedError(*problems) from None


def check_may_sign_up(email: str, *, field: str, is_invited: bool = False) -> None:
    """Raise `InputRejectedError` unless `settings.SIGN_UP` permits a sign-up with the address.

    ``is_invited`` is True for an invitation to an organisation. An error about the address's domain
    is about ``field``.
    """
    if settings.SIGN_UP == ["open"] or (is_invited and settings.SIGN_UP == ["invitation"]):
        return
    if settings.SIGN_UP == ["closed"]:
        raise sign_up_closed_error()
    if settings.SIGN_UP == ["invitation"]:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.SIGN_UP_CLOSED,
                _("Sign-up is by invitation only. Ask an administrator for an invitation."),
            )
        )
    if email.rpartition("@")[2] not in settings.SIGN_UP:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.EMAIL_DOMAIN_NOT_ALLOWED,
                _("Use an address of one of these domains: %(domains)s.")
                % {"domains": ", ".join(map(readable_email, settings.SIGN_UP))},
                (field,),
            )
        )


def sign_up_closed_error() -> InputRejectedError:
    """Return the error about a closed sign-up."""
    return InputRejectedError(
        Problem(
            AccountErrorCode.SIGN_UP_CLOSED,
            _("Sign-up is closed. Ask an administrator for an account."),
        )
    )
