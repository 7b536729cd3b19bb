"""Validation of input by field, to report all problems at once."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, URLValidator
from django.db import models
from django.utils.translation import gettext as _

from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import User


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
    validate_password(password, User(username=username, email=email, name=name))


def check_locale(locale: str) -> None:
    """Raise `ValidationError` unless the language is supported."""
    supported = dict(settings.LANGUAGES)
    if locale not in supported:
        raise ValidationError(
            _("Choose one of these languages: %(codes)s.") % {"codes": ", ".join(supported)}
        )


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


def check_field(model: type[models.Model], field: str, value: object) -> None:
    """Raise `ValidationError` unless the model's field, and PostgreSQL, accept the value."""
    ProhibitNullCharactersValidator()(value)
    model._meta.get_field(field).clean(value, None)  # type: ignore[union-attr]
