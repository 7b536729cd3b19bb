"""Creation of users, shared by sign-up, invitations and administration."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.database.rows import insert
from core.database.search.characters import MARKS
from core.email.addresses import EMAIL_MAX_LENGTH, canonical_email
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import (
    RESERVED_USERNAMES,
    USERNAME_MAX_LENGTH,
    canonical,
    canonical_login,
    clean_username,
    is_username,
)
from users.accounts.models import EmailAddress, LastSeen, Profile, SignUp, User
from users.accounts.services.stored_passwords import hash_password
from users.accounts.services.validation import (
    Problems,
    check_password_strength,
    clean_name_of,
    match_locale,
)
from users.activity.services.record import record
from users.activity.tags import Tag

# An address is the primary or a secondary one of one user only.
EMAIL_CONSTRAINTS: Final = ("user_email_unique", "email_address_of_one_person")

# Of derived usernames; the number makes another user's guess unlikely.
DERIVED_DIGITS: Final = 6
DERIVED_MAX_LENGTH: Final = USERNAME_MAX_LENGTH - DERIVED_DIGITS
DERIVED_USERNAME: Final = "member"
NO_LETTERS: Final = re.compile(rf"[^\w.{MARKS}-]+")

IDENTIFYING_FIELDS: Final = ("email", "email_verified_at", "email_undeliverable_at", "username")


@dataclass(frozen=True, slots=True)
class Identity:
    """What names a new account, in canonical form."""

    email: str
    username: str
    name: str
    locale: str


def check_new_account(  # noqa: PLR0913 - what an account consists of
    *,
    email: str,
    username: str | None,
    password: str,
    name: str = "",
    locale: str = "en",
    is_own_choice: bool = False,
) -> Identity:
    """Return the canonical identity of a new account. Raises `InputRejectedError`.

    With ``is_own_choice`` reserved usernames are rejected. A missing username is empty. Does not
    check whether identifiers are taken: the constraints do, without a race.
    """
    problems = Problems()
    with problems.of("email", AccountErrorCode.EMAIL_INVALID):
        email = canonical_email(email)
    with problems.of("username", AccountErrorCode.USERNAME_INVALID):
        username = "" if username is None else clean_username(username)
    if is_own_choice and username and is_reserved(username):
        problems.found.append(_username_reserved_problem())
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        name = clean_name_of(User, "name", name)
    with problems.of("password", AccountErrorCode.PASSWORD_TOO_WEAK):
        check_password_strength(password, username=username or "", email=email, name=name)
    with problems.of("locale", AccountErrorCode.LOCALE_UNSUPPORTED):
        locale = match_locale(locale)
    problems.refuse_any()
    return Identity(email, username or "", name, locale)


def check_identifiers(identifiers: Mapping[str, str]) -> dict[str, str]:
    """Return the given ``email`` and ``username`` in canonical form.

    Raises `InputRejectedError` with all problems.
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
    """Return an address as it would be stored, also one that earlier rules accepted.

    So owners of such addresses are not locked out. The result does not depend on whether the
    address exists (no enumeration). Raises `InputRejectedError`.
    """
    try:
        return check_identifiers({"email": email})["email"]
    except InputRejectedError:
        stored = canonical_login(email)
        if len(stored) > EMAIL_MAX_LENGTH or not _is_valid_ascii_email(stored):
            raise
        return stored


def check_username_is_not_reserved(username: str) -> None:
    """Raise `InputRejectedError` if the canonical username is reserved."""
    if is_reserved(username):
        raise InputRejectedError(_username_reserved_problem())


def build_verified_user(
    *, email: str, username: str, password: str, name: str = "", encoded: str | None = None
) -> User:
    """Return an unsaved user whose address a mailed link verified.

    ``encoded`` is the password's hash, if it was computed before. Raises `InputRejectedError`.
    """
    identity = check_new_account(
        email=email, username=username, password=password, name=name, is_own_choice=True
    )
    return User(
        email=identity.email,
        email_verified_at=timezone.now(),
        username=identity.username,
        name=identity.name,
        password=encoded or hash_password(password),
    )


def insert_verified_user(user: User, *, locale: str, actor: Actor, **data: Any) -> None:
    """Save a user of `build_verified_user`, and delete all sign-ups for the address.

    Call it in a transaction; ``data`` is added to the event. Raises `InputRejectedError` if the
    address or the username was taken meanwhile.
    """
    lock_sign_ups(user.email).delete()
    # First, because the constraint on the username may fail before that on the address, and then
    # another username would not help.
    if User.objects.with_address(user.email).exists():
        raise email_taken_error()
    insert_user(user, locale=locale)
    record(Tag.USER_CREATED, actor=actor, subject_id=user.pk, **data)


def lock_sign_ups(email: str) -> QuerySet[SignUp]:
    """Lock and return the pending sign-ups for an address.

    Deadlock order: by primary key, and before the user is inserted. Two links for the same address,
    or an invitation and a link, could otherwise deadlock.
    """
    sign_ups = SignUp.objects.filter(email=email)
    list(sign_ups.order_by("pk").select_for_update().values_list("pk"))
    return sign_ups


def insert_user(user: User, *, locale: str = "en") -> None:
    """Insert a user with the related rows, in the caller's transaction.

    Raises `InputRejectedError` if the address or the username was taken meanwhile.
    """
    save_identifiers(user)
    insert(Profile(user=user, locale=locale))
    insert(LastSeen(user=user))


def save_identifiers(user: User) -> None:
    """Save a new user, or the changed identifiers of one, in the caller's transaction.

    Deletes the user's secondary address that became the primary one. Raises `InputRejectedError` if
    an identifier is taken; the transaction is aborted then.
    """
    is_new = user._state.adding  # noqa: SLF001 - Django has no public name for it
    if not is_new:
        EmailAddress.objects.filter(user=user, email=user.email).delete()
    try:
        if is_new:
            insert(user)
        else:
            user.save(update_fields=IDENTIFYING_FIELDS)
    except IntegrityError as error:
        if any(name in str(error) for name in EMAIL_CONSTRAINTS):
            raise email_taken_error() from None
        raise username_taken_error() from None


def derive_username(*, name: str, email: str) -> str:
    """Return a free username, of the name or else of the address's local part.

    A reserved or taken one gets a number. A concurrent account may take the result.
    """
    for text in (name, email.partition("@")[0].partition("+")[0]):
        base = NO_LETTERS.sub(".", canonical(text)).strip("._-")[:DERIVED_MAX_LENGTH].strip("._-")
        if is_username(base):
            break
    else:
        base = DERIVED_USERNAME
    numbered = [
        f"{base}{secrets.randbelow(10**DERIVED_DIGITS):0{DERIVED_DIGITS}}" for _ in range(9)
    ]
    candidates = numbered if is_reserved(base) else [base, *numbered]
    taken = set(User.objects.filter(username__in=candidates).values_list("username", flat=True))
    return next(each for each in candidates if each not in taken)


def is_reserved(username: str) -> bool:
    """Return whether users may not choose a username, and none is derived."""
    # The Turkish letter is all that valid usernames have of letters that read as ASCII.
    username = username.replace("ı", "i")
    return username in RESERVED_USERNAMES or username in settings.RESERVED_USERNAMES


def unused_username() -> str:
    """Return a random username that users cannot choose, because of its tilde."""
    return f"deleted~{secrets.token_hex(10)}"


def unused_email() -> str:
    """Return a random address that cannot receive mail (RFC 2606)."""
    return f"{secrets.token_hex(16)}@deleted.invalid"


def email_taken_error(field: str = "email") -> InputRejectedError:
    """Return the error about a taken address; do not show it to strangers (enumeration)."""
    return InputRejectedError(
        Problem(AccountErrorCode.EMAIL_TAKEN, _("This address already has an account."), (field,))
    )


def username_taken_error() -> InputRejectedError:
    """Return the error about a taken username."""
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


def _username_reserved_problem() -> Problem:
    return Problem(
        AccountErrorCode.USERNAME_RESERVED,
        _("This username is reserved. Choose a different one."),
        ("username",),
    )
