"""Validation of input by field, to report all problems at once."""

import re
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, URLValidator
from django.db import models
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext as _

from core.errors import ErrorCode, GenericErrorCode, InputRejectedError, Problem
from core.names import clean_name
from core.security.passwords import normalize_password
from users.accounts.models import User

# RFC 5646, by form; the longest tag that it expects has 35 characters (section 4.4.1).
LANGUAGE_TAG: Final = re.compile(r"(?=.{2,35}\Z)[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


class Problems:
    """Collects the problems of an input."""

    def __init__(self) -> None:
        """Start without problems."""
        self.found: list[Problem] = []

    @contextmanager
    def of(self, field: str, code: ErrorCode) -> Iterator[None]:
        """Collect a `ValidationError` as a problem of ``field``."""
        try:
            yield
        except ValidationError as error:
            self.found.append(Problem(code, " ".join(error.messages), (field,)))

    def refuse_any(self) -> None:
        """Raise `InputRejectedError` with the problems, if any."""
        if self.found:
            raise InputRejectedError(*self.found)


def check_password_strength(password: str, *, username: str, email: str, name: str = "") -> None:
    """Raise `ValidationError` unless the password satisfies the configured validators."""
    user = User(username=username, email=email, name=name)
    validate_password(normalize_password(password), user)


def match_locale(locale: str) -> str:
    """Return the supported language that is nearest to a language tag, or the default one.

    Of `de-AT` that is `de` (RFC 4647, section 3.4). Raises `ValidationError` unless it is a tag.
    """
    tag = locale.strip().partition(".")[0].replace("_", "-")
    if not LANGUAGE_TAG.fullmatch(tag):
        raise ValidationError(_("Enter a language such as en or de-AT."))
    try:
        return get_supported_language_variant(tag.lower())
    except LookupError:
        return settings.LANGUAGE_CODE


@cache
def time_zones() -> frozenset[str]:
    """Return the names of the IANA database.

    Cached, because `zoneinfo` reads thousands of files on each call.
    """
    return frozenset(zoneinfo.available_timezones())


def check_time_zone(name: str) -> None:
    """Raise `ValidationError` unless this is a time zone of the IANA database."""
    if name not in time_zones():
        raise ValidationError(_("Enter a time zone such as Europe/Berlin."))


def check_website(url: str) -> None:
    """Raise `ValidationError` unless this is empty or an HTTP URL."""
    if url:
        URLValidator(schemes=["http", "https"])(url)


def clean_name_of(model: type[models.Model], field: str, name: str) -> str:
    """Return a name as `core.names.clean_name` does. Raises `ValidationError`.

    The model's field may refuse an empty name, and one that is too long.
    """
    cleaned = clean_name(name)
    check_field(model, field, cleaned)
    return cleaned


def require_name(model: type[models.Model], name: str) -> str:
    """Return a ``name`` as `clean_name_of` does. Raises `InputRejectedError`."""
    problems = Problems()
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        name = clean_name_of(model, "name", name)
    problems.refuse_any()
    return name


def check_field(model: type[models.Model], field: str, value: object) -> None:
    """Raise `ValidationError` unless the model's field, and PostgreSQL, accept the value."""
    ProhibitNullCharactersValidator()(value)
    model._meta.get_field(field).clean(value, None)  # type: ignore[union-attr]
