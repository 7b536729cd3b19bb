"""Password rules that Django does not bring."""

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
# An answer has about a thousand lines of 40 bytes.
ANSWER_MAX_BYTES: Final = 500_000
# httpx bounds each read, but neither the whole request nor a name's look-up. So requests run in
# threads of their own, which a caller leaves after `TIMEOUT_SECONDS`; few of them, so that a
# service that hangs holds up no more than those.
MAX_LOOKUPS: Final = 8
_lookups = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="breached-passwords")


class MaximumLengthValidator:
    """Bounds the work that a password can cause; 128 characters leave room for passphrases."""

    max_length = 128

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if the password is longer."""
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _("Your password can have at most %(max)d characters.") % {"max": self.max_length}


class DemoPasswordValidator:
    """Refuses the documented demo password wherever it is not the demo."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if the password is the one in the documentation."""
        if password == settings.DEFAULT_DEMO_PASSWORD and not settings.DEMO:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _("Your password can’t be the one from the documentation.")


class GuessablePasswordValidator(CommonPasswordValidator):
    """Refuses common passwords, also in disguise.

    That is: repeated, or with digits, punctuation, spaces or context words around them. What
    repeats fewer than four characters is refused, whatever they are. The work is linear in the
    password's length.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise `ValidationError` if the password is common, as it is or in disguise."""
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
    """Yield the text, then without what surrounds its letters and digits, then its letters."""
    yield text
    yield _between(text, str.isalnum)
    yield _between(text, str.isalpha)


def _between(text: str, wanted: Callable[[str], bool]) -> str:
    """Return the text from its first wanted character to its last."""
    places = [place for place, character in enumerate(text) if wanted(character)]
    return text[places[0] : places[-1] + 1] if places else ""


def _smallest_unit(text: str) -> str:
    """Return the shortest text of which the given one consists, once or repeated.

    A text that is shifted by its unit is found again in its double, and by nothing shorter.
    """
    return text[: (text + text).find(text, 1)]


class ContextWordsValidator:
    """Refuses passwords that owe their length to words that anybody would try here.

    These are Roster's name, the words of the hosts that it answers to, and
    `settings.PASSWORD_CONTEXT_WORDS`.
    """

    min_rest = 8

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if too little is left of the password without the words."""
        folded = password.casefold()
        rest = _without_context_words(folded)
        if rest != folded and len(rest) < self.min_rest:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _(
            "Your password must have at least %(min)d characters besides the names of this "
            "service and its operator."
        ) % {"min": self.min_rest}


def _without_context_words(folded: str) -> str:
    # Of two words that begin alike, the longer one goes.
    words = sorted(_context_words(), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, words)), "", folded)


def _context_words() -> set[str]:
    """Return the words, case-folded.

    Hosts give their labels, and the labels' parts between hyphens, that have four letters or
    more, without top-level domains.
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
    """Refuses passwords that are known from breaches of other services.

    `settings.BREACHED_PASSWORDS_URL` is asked as Have I Been Pwned is: it is told the first five
    digits of the password's SHA-1, and answers with the rest of all digests that begin so.

    A service that cannot be reached, is slow or answers nonsense lets every password pass. Its
    failure would otherwise keep everybody from signing up and from resetting a password, and
    the other rules hold all the same.
    """

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if the password is known; it takes two seconds at the most."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        lookup = _lookups.submit(_suffixes, digest[:PREFIX_LENGTH])
        try:
            known = lookup.result(timeout=TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
            lookup.cancel()
            # Not the error's text, which may quote the URL, and that has the digits.
            logger.warning(
                "breached passwords cannot be looked up (%s), so this one is accepted",
                type(error).__name__,
            )
            return
        if digest[PREFIX_LENGTH:] in known:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _("Your password can’t be one that is known from a data breach.")


def _suffixes(prefix: str) -> set[str]:
    """Return the digests that begin with the prefix, without it.

    Raises an error of httpx, `OSError`, `ValueError` or, if the environment names a SOCKS proxy,
    `ImportError`: there is no answer.
    """
    deadline = monotonic() + TIMEOUT_SECONDS
    answer = bytearray()
    with breached_passwords_client().stream(
        "GET", f"{settings.BREACHED_PASSWORDS_URL}{prefix}"
    ) as response:
        if response.status_code != HTTPStatus.OK:
            raise ValueError(response.status_code)
        # Raw, because a decompressed chunk may have a thousand times its bytes.
        for chunk in response.iter_raw():
            answer += chunk
            if len(answer) > ANSWER_MAX_BYTES:
                raise ValueError("The answer is too long.")
            if monotonic() > deadline:
                raise TimeoutError
    entries = (line.partition(":") for line in answer.decode("ascii").upper().split())
    # What pads the answer was seen zero times.
    return {suffix for suffix, _colon, count in entries if int(count) > 0}


@cache
def breached_passwords_client() -> httpx.Client:
    """Return a client that keeps connections open, through the environment's proxies.

    It follows no redirect, which would hand the digits to another host. TLS is verified by the
    system's certificate authorities, among which an operator can have their own.
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
