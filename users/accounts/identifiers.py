"""E-mail addresses and usernames, in the one form in which they are stored and compared."""

import re
import unicodedata
from typing import Final

from confusable_homoglyphs import categories, confusables
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.database.texts import replace_nul
from core.email.addresses import AT_SIGNS, EMAIL_MAX_LENGTH, a_labels, canonical_email, in_unicode

# Where service accounts have their addresses, which lead nowhere (RFC 2606).
SERVICE_DOMAIN: Final = "service.invalid"
# Behind addresses that are another account's mailbox, or nobody's, see `check_email_addresses`.
SET_ASIDE_DOMAIN: Final = "set-aside.invalid"
USERNAME_MIN_LENGTH: Final = 3
USERNAME_MAX_LENGTH: Final = 30
# Names that people would take for the service itself, or that addresses and paths often are
# (RFC 2142). `settings.RESERVED_USERNAMES` adds to them; administrators may give them away.
RESERVED_USERNAMES: Final = frozenset(
    (
        *("abuse", "account", "admin", "administrator", "anonymous", "api", "billing", "contact"),
        *("everyone", "graphql", "help", "hostmaster", "info", "login", "logout", "mail", "me"),
        *("moderator", "no-reply", "nobody", "noreply", "official", "owner", "postmaster"),
        *("register", "root", "roster", "security", "settings", "signup", "staff", "status"),
        *("superuser", "support", "system", "team", "user", "users", "webmaster", "www"),
    )
)
USERNAME_PATTERN: Final = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?")


def canonical(identifier: str) -> str:
    """Return the form in which a username is unique: NFKC and lower case.

    So full-width, ligature and capital variants of a username are one and the same. What is
    longer than any login is cut, because normalising takes quadratic time.
    """
    identifier = replace_nul(identifier).strip()[: EMAIL_MAX_LENGTH + 1]
    folded = unicodedata.normalize("NFKC", identifier).lower()
    return unicodedata.normalize("NFKC", folded)


def canonical_login(login: str) -> str:
    """Return the form in which a login equals the stored address or username; never raises.

    What looks like an address and is none comes back folded as usernames are. It equals no
    stored address but one that earlier rules accepted, in the spelling that it is stored in.
    """
    identifier = canonical(login)
    if "@" not in identifier:
        return identifier
    try:
        return canonical_email(login)
    except ValidationError:
        return identifier


def canonical_domain_or_folded(domain: str) -> str:
    """Return what follows the @ in stored addresses at a domain; never raises."""
    return canonical_login(f"a@{domain.strip()}").partition("@")[2]


def canonical_part(word: str) -> str:
    """Return what a stored address contains if it contains what was typed; never raises.

    Whole labels behind an @ are found in either form. What has no @ stays as it is.
    """
    local, at, domain = word.translate(AT_SIGNS).rpartition("@")
    if not at or domain.isascii():
        return word
    try:
        return f"{local}@{a_labels(domain)}"
    except ValidationError:
        return word


def readable_email(email: str) -> str:
    """Return a stored address for people to read: in Unicode where it cannot be mistaken.

    A domain keeps its A-labels if one of them mixes scripts or reads as Latin (Unicode TR 39).
    """
    readable = in_unicode(email)
    labels = readable.rpartition("@")[2].split(".")
    is_safe = not any(_is_confusable_with_latin(label) for label in labels if not label.isascii())
    return readable if is_safe else email


def clean_username(username: str) -> str:
    """Return the canonical username. Raises `ValidationError` if it may not be used.

    Letters, digits, dots, hyphens and underscores, of one script; a name that is written in
    another script but reads as Latin (Unicode TR 39) is refused, because it would pass for
    somebody else's.
    """
    name = canonical(username)
    if not USERNAME_MIN_LENGTH <= len(name) <= USERNAME_MAX_LENGTH:
        raise ValidationError(
            _("Choose a username of %(min)d to %(max)d characters.")
            % {"min": USERNAME_MIN_LENGTH, "max": USERNAME_MAX_LENGTH}
        )
    if not USERNAME_PATTERN.fullmatch(name):
        raise ValidationError(
            _(
                "Use letters, digits, dots, hyphens and underscores only, "
                "with a letter or digit at both ends."
            )
        )
    if not name.isascii() and _is_confusable_with_latin(name):
        raise ValidationError(
            _("This username can be mistaken for another. Choose a different one.")
        )
    return name


def _is_confusable_with_latin(name: str) -> bool:
    letters = "".join(character for character in name if character.isalpha())
    if len(categories.unique_aliases(letters) - {"COMMON", "INHERITED"}) > 1:
        return True
    if "LATIN" in categories.unique_aliases(letters):
        return False
    look_alikes = confusables.is_confusable(letters, greedy=True, preferred_aliases=["latin"])
    return bool(look_alikes) and {entry["character"] for entry in look_alikes} == set(letters)
