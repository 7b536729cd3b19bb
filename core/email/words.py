"""Rules for text from users in mails, against spam and phishing in our name.

1. A mail to an address that is not verified as the user's own contains no text from users
   ("Hello,").
2. A mail to a user's own verified address contains only letters, a few digits, spaces,
   apostrophes, hyphens and "&". Links (URLs, host names, addresses, telephone numbers), HTML, line
   breaks and injected headers need other characters.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

MAX_LENGTH: Final = 60
# Texts are truncated first, because NFKC of many combining marks takes quadratic time.
MAX_INPUT: Final = 500
# Fewer than a telephone number has, which phones turn into a link.
MAX_DIGITS: Final = 4
CATEGORIES: Final = frozenset({"Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Mn", "Nd"})
PUNCTUATION: Final = frozenset("&'\N{RIGHT SINGLE QUOTATION MARK}-")


@dataclass(frozen=True, slots=True)
class Reader:
    """The recipient of a mail; ``is_verified`` if it goes to the user's own verified address."""

    full_name: str = ""
    is_verified: bool = False

    @property
    def name(self) -> str:
        """The recipient's name; empty if the address is not verified."""
        return self.words(self.full_name)

    def words(self, text: str) -> str:
        """Return a text from a user, cleaned; empty if the address is not verified."""
        return clean_words(text) if self.is_verified else ""

    def address(self, email: str) -> str:
        """Return an address or a host in the form ``ada (at) home (dot) example``."""
        halves = (half.split(".") for half in email.rsplit("@", 1))
        return " (at) ".join(" (dot) ".join(map(self.words, labels)) for labels in halves)


UNVERIFIED_READER: Final = Reader()


def clean_words(text: str) -> str:
    """Return a text as one short line without links.

    Mail clients turn host names, addresses and telephone numbers into links. So dots, slashes,
    control characters and the like become spaces, and digits if there are more than `MAX_DIGITS`.
    """
    folded = unicodedata.normalize("NFKC", text[:MAX_INPUT])
    has_number = sum(map(str.isdigit, folded)) > MAX_DIGITS
    cleaned = (_clean(character, has_number=has_number) for character in folded)
    return " ".join("".join(cleaned).split())[:MAX_LENGTH].strip()


def _clean(character: str, *, has_number: bool) -> str:
    category = unicodedata.category(character)
    is_word = category in CATEGORIES or character in PUNCTUATION
    return character if is_word and not (has_number and category == "Nd") else " "
