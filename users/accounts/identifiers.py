"""Canonical forms of e-mail addresses and usernames, which are stored and compared."""

import re
import unicodedata
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.database.search.characters import IGNORED, MARKS
from core.database.texts import replace_nul
from core.email.addresses import (
    AT_SIGNS,
    EMAIL_MAX_LENGTH,
    a_labels,
    canonical_email,
    lower,
    unicode_email,
)
from users.accounts.scripts import is_look_alike, mixes_scripts

# Domain of the service accounts' addresses, which cannot receive mail (RFC 2606).
SERVICE_DOMAIN: Final = "service.invalid"
# Suffix of addresses that a migration set aside: the mailbox is another account's, or cannot
# receive mail; see `check_email_addresses`.
SET_ASIDE_DOMAIN: Final = "set-aside.invalid"
USERNAME_MIN_LENGTH: Final = 3
USERNAME_MAX_LENGTH: Final = 30
# Names that would pass for the service itself, and common mailboxes and paths (RFC 2142).
# `settings.RESERVED_USERNAMES` adds more; administrators may assign them.
RESERVED_USERNAMES: Final = frozenset(
    (
        *("abuse", "account", "admin", "administrator", "anonymous", "api", "billing", "contact"),
        *("everyone", "graphql", "help", "hostmaster", "info", "login", "logout", "mail", "me"),
        *("moderator", "no-reply", "nobody", "noreply", "official", "owner", "postmaster"),
        *("register", "root", "roster", "security", "settings", "signup", "staff", "status"),
        *("superuser", "support", "system", "team", "user", "users", "webmaster", "www"),
    )
)
# Letters with the marks that spell them, as in Devanagari, Tamil and Thai; the marks of other
# scripts are accents, which are composed with their letters or refused. No character is both a
# letter and a mark, or matching would take exponential time (ReDoS).
LETTER: Final = r"[^\W_]"
MARK: Final = rf"(?![{IGNORED}\w])[{MARKS}]"
MARKED_LETTER: Final = rf"{LETTER}(?:{MARK}){{0,4}}"
USERNAME_PATTERN: Final = re.compile(rf"{MARKED_LETTER}(?:[_.-]*{MARKED_LETTER})*")
# Of `unicodedata.category`. The ranges of `MARKS` have spaces and punctuation, too.
SPELLING: Final = frozenset("LMN")


def canonical(identifier: str) -> str:
    """Return the canonical form of a username: NFKC and lower case.

    Full-width, ligature and capital variants have the same form. The input is truncated beyond the
    length of any login, because normalisation takes quadratic time.
    """
    identifier = replace_nul(identifier).strip()[: EMAIL_MAX_LENGTH + 1]
    folded = lower(unicodedata.normalize("NFKC", identifier))
    return unicodedata.normalize("NFKC", folded)


def canonical_login(login: str) -> str:
    """Return the canonical form of an e-mail address or username; never raises.

    A malformed address is folded like a username. So it can only equal an address that earlier
    rules accepted, in its stored spelling.
    """
    identifier = canonical(login)
    if "@" not in identifier:
        return identifier
    try:
        return canonical_email(login)
    except ValidationError:
        return identifier


def canonical_domain_or_folded(domain: str) -> str:
    """Return the domain as stored addresses have it; never raises."""
    return canonical_login(f"a@{domain.strip()}").partition("@")[2]


def canonical_part(word: str) -> str:
    """Return a search word as stored addresses have it; never raises.

    A domain after an @ is converted to A-labels; a word without an @ is unchanged.
    """
    local, at, domain = word.translate(AT_SIGNS).rpartition("@")
    if not at or domain.isascii():
        return word
    try:
        return f"{local}@{a_labels(domain)}"
    except ValidationError:
        return word


def readable_email(email: str) -> str:
    """Return a stored address for display: in Unicode unless it is confusable.

    A domain keeps its A-labels if one of them mixes scripts or reads as another (UTS 39).
    """
    readable = unicode_email(email)
    labels = readable.rpartition("@")[2].split(".")
    is_safe = not any(mixes_scripts(label) or is_look_alike(label) for label in labels)
    return readable if is_safe else email


def clean_username(username: str) -> str:
    """Return the canonical username. Raises `ValidationError` if it is not valid.

    Valid are letters of one script, or of scripts that are written together, with their marks,
    digits, dots, hyphens and underscores. A name that reads as one in another script is rejected,
    because it would pass for another user's (homograph attack, UTS 39).
    """
    name = canonical(username)
    if not USERNAME_MIN_LENGTH <= len(name) <= USERNAME_MAX_LENGTH:
        raise ValidationError(
            _("Choose a username of %(min)d to %(max)d characters.")
            % {"min": USERNAME_MIN_LENGTH, "max": USERNAME_MAX_LENGTH}
        )
    if not USERNAME_PATTERN.fullmatch(name) or not _is_spelt(name):
        raise ValidationError(
            _(
                "Use letters, digits, dots, hyphens and underscores only, "
                "with a letter or digit at both ends."
            )
        )
    if mixes_scripts(name):
        raise ValidationError(
            _(
                "Use letters of one script only. Chinese, Japanese or Korean may be combined with "
                "Latin."
            )
        )
    if is_look_alike(name):
        raise ValidationError(
            _("This username can be mistaken for another. Choose a different one.")
        )
    return name


def is_username(text: str) -> bool:
    """Return whether the text is a valid username in any spelling."""
    try:
        clean_username(text)
    except ValidationError:
        return False
    return True


def _is_spelt(name: str) -> bool:
    return all(each in "_.-" or unicodedata.category(each)[0] in SPELLING for each in name)
