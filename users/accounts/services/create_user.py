"""What every way to an account has in common: checking its identifiers, and writing them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.email.addresses import EMAIL_MAX_LENGTH, canonical_email
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import RESERVED_USERNAMES, canonical_login, clean_username
from users.accounts.models import EmailAddress, LastSeen, Profile, SignUp, User
from users.accounts.services.validation import (
    Problems,
    check_field,
    check_locale,
    check_password_strength,
)
from users.activity.services.record import record
from users.activity.tags import Tag

# An address is the primary one of one person, and is not another's further one.
EMAIL_CONSTRAINTS: Final = ("user_email_unique", "email_address_of_one_person")


@dataclass(frozen=True, slots=True)
class Identity:
    """A new account's identifiers, in canonical form."""

    email: str
    username: str


def check_new_account(  # noqa: PLR0913 - what an account consists of
    *,
    email: str,
    username: str,
    password: str,
    name: str = "",
    locale: str = "en",
    is_own_choice: bool = False,
) -> Identity:
    """Return the identifiers of an account to be. Raises `InputRejectedError`.

    With ``is_own_choice`` the username may not be a reserved one. Whether identifiers are taken
    is not asked here: that is for the constraints to say.
    """
    problems = Problems()
    with problems.of("email", AccountErrorCode.EMAIL_INVALID):
        email = canonical_email(email)
    with problems.of("username", AccountErrorCode.USERNAME_INVALID):
        username = clean_username(username)
    if is_own_choice and _is_reserved(username):
        problems.found.append(_reserved())
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        check_field(User, "name", name)
    with problems.of("password", AccountErrorCode.PASSWORD_TOO_WEAK):
        check_password_strength(password, username=username, email=email, name=name)
    with problems.of("locale", AccountErrorCode.LOCALE_UNSUPPORTED):
        check_locale(locale)
    problems.refuse_any()
    return Identity(email, username)


def check_identifiers(identifiers: Mapping[str, str]) -> dict[str, str]:
    """Return any of ``email`` and ``username`` in canonical form.

    Raises `InputRejectedError`.
    """
    checks = {
        "email": (AccountErrorCode.EMAIL_INVALID, canonical_email),
        "username": (AccountErrorCode.USERNAME_INVALID, clean_username),
    }
    problems, clean = Problems(), {}
    for name, value in identifiers.items():
        code, check = checks[name]
        with problems.of(name, code):
            clean[name] = check(value)
    problems.refuse_any()
    return clean


def check_known_email(email: str) -> str:
    """Return the form in which an address is stored if anybody has it.

    Addresses that earlier rules accepted count, so that their owners are not locked out; whether
    there are any makes no difference. Raises `InputRejectedError`.
    """
    try:
        return check_identifiers({"email": email})["email"]
    except InputRejectedError:
        stored = canonical_login(email)
        if len(stored) > EMAIL_MAX_LENGTH or not _is_valid_ascii_email(stored):
            raise
        return stored


def check_username_is_free_to_choose(username: str) -> None:
    """Raise `InputRejectedError` if the username, in canonical form, is a reserved one."""
    if _is_reserved(username):
        raise InputRejectedError(_reserved())


def build_verified_user(
    *, email: str, username: str, password: str, name: str = "", encoded: str | None = None
) -> User:
    """Return an unsaved user whose address a mailed link proves.

    ``encoded`` is the password's hash, if there is one already. Raises `InputRejectedError`.
    """
    identity = check_new_account(
        email=email, username=username, password=password, name=name, is_own_choice=True
    )
    return User(
        email=identity.email,
        email_verified_at=timezone.now(),
        username=identity.username,
        name=name,
        password=encoded or make_password(password),
    )


def insert_verified_user(user: User, *, locale: str, actor: Actor, **data: Any) -> None:
    """Save a `build_verified_user`, and end all sign-ups for its address.

    Call it in the service's transaction; ``data`` is for the event. Raises `InputRejectedError`
    if the address or the username was taken meanwhile.
    """
    lock_sign_ups(user.email).delete()
    # Asked first, because with an account at the address no other username would help.
    if User.objects.with_address(user.email).exists():
        raise email_taken_error()
    insert_user(user, locale=locale)
    record(Tag.USER_CREATED, actor=actor, subject_id=user.pk, **data)


def lock_sign_ups(email: str) -> QuerySet[SignUp]:
    """Lock the pending sign-ups for an address, and return them.

    Always in one order, and before the user is inserted: two links for the same address, or an
    invitation and a link, would otherwise wait for each other (deadlock).
    """
    sign_ups = SignUp.objects.filter(email=email)
    list(sign_ups.order_by("pk").select_for_update().values_list("pk"))
    return sign_ups


def insert_user(user: User, *, locale: str = "en") -> None:
    """Add a person with what belongs to everybody, in the caller's transaction.

    Raises `InputRejectedError` if the address or the username was taken meanwhile.
    """
    save_identifiers(user)
    Profile.objects.create(user=user, locale=locale)
    LastSeen.objects.create(user=user)


def save_identifiers(user: User) -> None:
    """Save a new person, or the changed identifiers of one, in the caller's transaction.

    A further address of the person's that became the primary one is not a further one any more.
    Raises `InputRejectedError` if one of them is taken; the transaction cannot go on then.
    """
    is_new = user._state.adding  # noqa: SLF001 - Django has no public name for it
    fields = (
        None if is_new else [*("email", "email_verified_at", "email_undeliverable_at", "username")]
    )
    if not is_new:
        EmailAddress.objects.filter(user=user, email=user.email).delete()
    try:
        user.save(force_insert=is_new, update_fields=fields)
    except IntegrityError as error:
        if any(name in str(error) for name in EMAIL_CONSTRAINTS):
            raise email_taken_error() from None
        raise username_taken_error() from None


def unused_username() -> str:
    """Return a username that nobody has, and that nobody can choose: it has a tilde."""
    return f"deleted~{secrets.token_hex(10)}"


def unused_email() -> str:
    """Return an address that nobody has, and to which nothing is delivered (RFC 2606)."""
    return f"{secrets.token_hex(16)}@deleted.invalid"


def email_taken_error(field: str = "email") -> InputRejectedError:
    """Return the refusal of an address; not for strangers, who must not learn of it."""
    return InputRejectedError(
        Problem(AccountErrorCode.EMAIL_TAKEN, _("This address has an account."), (field,))
    )


def username_taken_error() -> InputRejectedError:
    """Return the refusal of a username."""
    return InputRejectedError(
        Problem(
            AccountErrorCode.USERNAME_TAKEN,
            _("This username is taken. Choose a different one."),
            ("username",),
        )
    )


def _is_valid_ascii_email(email: str) -> bool:
    try:
        validate_email(email)
    except ValidationError:
        return False
    return email.isascii()


def _is_reserved(username: str) -> bool:
    return username in RESERVED_USERNAMES or username in settings.RESERVED_USERNAMES


def _reserved() -> Problem:
    return Problem(
        AccountErrorCode.USERNAME_RESERVED,
        _("This username is reserved. Choose a different one."),
        ("username",),
    )
