"""Password validators beyond Django's."""

import hashlib
import logging
import re
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from users.accounts.models import User

logger = logging.getLogger(__name__)

MIN_UNIT: Final = 4
MIN_WORD: Final = 4
PREFIX_LENGTH: Final = 5
TIMEOUT_SECONDS: Final = 2
# A response has about a thousand lines of 40 bytes.
RESPONSE_MAX_BYTES: Final = 500_000
# httpx limits the time of each read, but neither of the whole request nor of name resolution. So
# requests run in a thread pool, and the caller waits for `TIMEOUT_SECONDS` only. The pool is small,
# so that a hanging service blocks few threads.
MAX_LOOKUPS: Final = 8
_lookups = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="breached-passwords")


class MaximumLengthValidator:
    """Limits passwords to 128 characters, to bound the cost of hashing."""

    max_length = 128

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if the password is too long."""
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Return the rule."""
        return _("Your password can have at most %(max)d characters.") % {"max": self.max_length}


class DemoPasswordValidator:
    """Rejects the documented demo password outside the demo."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` for the demo password."""
        if password == settings.DEFAULT_DEMO_PASSWORD and not settings.DEMO:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Return the rule."""
        return _("Your password can’t be the one from the documentation.")


class GuessablePasswordValidator(CommonPasswordValidator):
    """Rejects common passwords and their variants.

    Variants are repetitions, and additions of digits, punctuation, spaces or context words. A
    repetition of fewer than four characters is always rejected. Takes linear time in the password's
    length.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise `ValidationError` for a common password or a variant."""
        super().validate(password, user)
        folded = password.casefold()
        for whole in (folded, _without_context_words(folded)):
            if any(map(self._is_guessable, _strip_decoration(whole))):
                raise ValidationError(self.get_error_message(), code="password_too_common")

    def _is_guessable(self, text: str) -> bool:
        unit = _smallest_unit(text)
        is_trivial = unit != text and len(unit) < MIN_UNIT
        return is_trivial or not self.passwords.isdisjoint(_strip_decoration(unit))


def _strip_decoration(text: str) -> Iterator[str]:
    """Yield the text, then trimmed to letters and digits, then to letters."""
    yield text
    yield _trim(text, str.isalnum)
    yield _trim(text, str.isalpha)


def _trim(text: str, matches: Callable[[str], bool]) -> str:
    """Return the text from the first matching character to the last."""
    indexes = [index for index, character in enumerate(text) if matches(character)]
    return text[indexes[0] : indexes[-1] + 1] if indexes else ""


def _smallest_unit(text: str) -> str:
    """Return the shortest substring whose repetition is the text.

    The smallest period of a text is the second position at which the text occurs in its double.
    """
    return text[: (text + text).find(text, 1)]


class ContextWordsValidator:
    """Rejects passwords that are too short without context-specific words (NIST SP 800-63B).

    The words are "roster", those in the host names of the deployment, and
    `settings.PASSWORD_CONTEXT_WORDS`.
    """

    min_rest = 8

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if fewer than `min_rest` characters are left."""
        folded = password.casefold()
        rest = _without_context_words(folded)
        if rest != folded and len(rest) < self.min_rest:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Return the rule."""
        return _(
            "Your password must have at least %(min)d characters besides the names of this "
            "service and its operator."
        ) % {"min": self.min_rest}


def _without_context_words(folded: str) -> str:
    # Longest first, because alternation takes the first match.
    words = sorted(_context_words(), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, words)), "", folded)


def _context_words() -> set[str]:
    """Return the words, case-folded.

    From host names: labels and their hyphenated parts with at least `MIN_WORD` letters, without
    top-level domains.
    """
    hosts = {urlsplit(settings.PUBLIC_URL).hostname or "", *settings.ALLOWED_HOSTS} - {"localhost"}
    words = {"roster", *settings.PASSWORD_CONTEXT_WORDS}
    for host in hosts:
        labels = host.strip(".").split(".")
        for label in labels[:-1] or labels:
            words |= {
                part
                for part in (label, *label.split("-"))
                if sum(map(str.isalpha, part)) >= MIN_WORD
            }
    return {word.casefold() for word in words}


class BreachedPasswordValidator:
    """Rejects passwords that are known from data breaches.

    Queries `settings.BREACHED_PASSWORDS_URL` with the range API of Have I Been Pwned: the request
    has the first five digits of the password's SHA-1 (k-anonymity), the response the suffixes of
    all known digests with this prefix.

    Fails open: if the service is unreachable, slow or malfunctioning, the password is accepted.
    Otherwise the outage would block sign-ups and password resets. The other validators still apply.
    """

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` for a breached password; take at most `TIMEOUT_SECONDS`."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        lookup = _lookups.submit(_suffixes, digest[:PREFIX_LENGTH])
        try:
            known = lookup.result(timeout=TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
            lookup.cancel()
            # Without the error's text, which may have the URL and so the digest's prefix.
            logger.warning(
                "breached password lookup failed; the password is accepted",
                extra={"error": type(error).__name__},
            )
            return
        if digest[PREFIX_LENGTH:] in known:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Return the rule."""
        return _("Your password can’t be one that is known from a data breach.")


def _suffixes(prefix: str) -> set[str]:
    """Return the suffixes of the known digests with this prefix.

    Raises an error of httpx, `OSError`, `ValueError` or, if the environment configures a SOCKS
    proxy, `ImportError`.
    """
    deadline = monotonic() + TIMEOUT_SECONDS
    body = bytearray()
    with breached_passwords_client().stream(
        "GET", f"{settings.BREACHED_PASSWORDS_URL}{prefix}"
    ) as response:
        if response.status_code != HTTPStatus.OK:
            raise ValueError(response.status_code)
        # Raw, against decompression bombs.
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > RESPONSE_MAX_BYTES:
                raise ValueError("The response is too long.")
            if monotonic() > deadline:
                raise TimeoutError
    entries = (line.partition(":") for line in body.decode("ascii").upper().split())
    # Padding entries have a count of zero.
    return {suffix for suffix, _colon, count in entries if int(count) > 0}


@cache
def breached_passwords_client() -> httpx.Client:
    """Return the shared HTTP client, with a connection pool and the environment's proxies.

    It follows no redirects, which would send the prefix to another host. TLS is verified with the
    system's certificate authorities, to which an operator can add.
    """
    return httpx.Client(
        headers={
            "Accept-Encoding": "identity",
            "Add-Padding": "true",
            "User-Agent": f"Roster/{settings.VERSION}",
        },
        verify=ssl.create_default_context(),
        follow_redirects=False,
        timeout=TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=MAX_LOOKUPS),
    )
