"""E-mail addresses and usernames, in the one form in which they are stored and compared."""

import re
import unicodedata
from typing import Final

from confusable_homoglyphs import categories, confusables
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from core.db import storable

EMAIL_MAX_LENGTH: Final = 254
# Where service accounts have their addresses, which lead nowhere (RFC 2606).
SERVICE_DOMAIN: Final = "service.invalid"
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
    """Return the form in which an identifier is unique: NFKC and lower case.

    So full-width, ligature and capital variants of an identifier are one and the same. What
    is longer than any identifier is cut, because normalising takes quadratic time.
    """
    identifier = storable(identifier).strip()[: EMAIL_MAX_LENGTH + 1]
    folded = unicodedata.normalize("NFKC", identifier).lower()
    return unicodedata.normalize("NFKC", folded)


def clean_email(email: str) -> str:
    """Return the canonical address. Raises `ValidationError` if it is not an address."""
    address = canonical(email)
    if len(address) > EMAIL_MAX_LENGTH:
        raise ValidationError(_("Enter an e-mail address of at most 254 characters."))
    validate_email(address)
    return address


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
    if not name.isascii() and _reads_as_another(name):
        raise ValidationError(
            _("This username can be mistaken for another. Choose a different one.")
        )
    return name


def _reads_as_another(name: str) -> bool:
    letters = "".join(character for character in name if character.isalpha())
    if len(categories.unique_aliases(letters) - {"COMMON", "INHERITED"}) > 1:
        return True
    if "LATIN" in categories.unique_aliases(letters):
        return False
    look_alikes = confusables.is_confusable(letters, greedy=True, preferred_aliases=["latin"])
    return bool(look_alikes) and {entry["character"] for entry in look_alikes} == set(letters)
