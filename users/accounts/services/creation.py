"""What every way to an account has in common: checking it, and adding it."""

from dataclasses import dataclass

from django.db import IntegrityError
from django.utils.translation import gettext as _

from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.identifiers import clean_email, clean_username
from users.accounts.models import Profile, User
from users.accounts.services.validation import Problems, check_locale, check_password_strength


@dataclass(frozen=True, slots=True)
class Identity:
    """A new account's identifiers, in canonical form."""

    email: str
    username: str


def check_new_account(
    *, email: str, username: str, password: str, name: str = "", locale: str = "en"
) -> Identity:
    """Return the identifiers of an account to be. Raises `InputRejectedError`.

    Whether they are taken is not asked here: that is for the constraints to say.
    """
    problems = Problems()
    with problems.of("email", ErrorCode.EMAIL_INVALID):
        email = clean_email(email)
    with problems.of("username", ErrorCode.USERNAME_INVALID):
        username = clean_username(username)
    with problems.of("password", ErrorCode.PASSWORD_TOO_WEAK):
        check_password_strength(password, username=username, email=email, name=name)
    with problems.of("locale", ErrorCode.LOCALE_UNSUPPORTED):
        check_locale(locale)
    problems.refuse_any()
    return Identity(email, username)


def insert_user(user: User, *, locale: str = "en") -> None:
    """Add a person with a profile, in the caller's transaction.

    Raises `InputRejectedError` if the address or the username was taken meanwhile.
    """
    try:
        user.save(force_insert=True)
    except IntegrityError as error:
        if "user_email_unique" in str(error):
            raise email_taken() from None
        raise username_taken() from None
    Profile.objects.create(user=user, locale=locale)


def email_taken() -> InputRejectedError:
    """Return the refusal of an address; not for strangers, who must not learn of it."""
    return InputRejectedError(
        Problem(ErrorCode.EMAIL_TAKEN, _("This address has an account."), ("email",))
    )


def username_taken() -> InputRejectedError:
    """Return the refusal of a username."""
    return InputRejectedError(
        Problem(
            ErrorCode.USERNAME_TAKEN,
            _("This username is taken. Choose a different one."),
            ("username",),
        )
    )
