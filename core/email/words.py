"""Which words of users a mail may carry, and in which form: the one rule for every mail.

1. Without proof that the reader is the user whom the mail is about, none ("Hello,").
2. To a user's own verified address, letters, a few digits, spaces, apostrophes, hyphens and "&".
   What mail clients turn into links (URLs, host names, addresses, telephone numbers) has
   characters besides these, and so have HTML, further lines and further headers.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

MAX_LENGTH: Final = 60
# NFKC of thousands of combining marks takes quadratic time, so a text is cut first.
MAX_INPUT: Final = 500
# Fewer than in a telephone number, which phones turn into a link.
MAX_DIGITS: Final = 4
CATEGORIES: Final = frozenset({"Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Mn", "Nd"})
PUNCTUATION: Final = frozenset("&'\N{RIGHT SINGLE QUOTATION MARK}-")


@dataclass(frozen=True, slots=True)
class Reader:
    """The reader of a mail; ``is_verified`` if it goes to the user's own, verified address."""

    full_name: str = ""
    is_verified: bool = False

    @property
    def name(self) -> str:
        """What to call the reader; empty for one who has not proved to be the user."""
        return self.words(self.full_name)

    def words(self, text: str) -> str:
        """Return a user's text as this reader's mail may carry it: cleaned, or not at all."""
        return clean_words(text) if self.is_verified else ""

    def address(self, email: str) -> str:
        """Return an e-mail address as `words` does: ``ada (at) home (dot) example``."""
        halves = (half.split(".") for half in email.rsplit("@", 1))
        return " (at) ".join(" (dot) ".join(map(self.words, labels)) for labels in halves)


STRANGER: Final = Reader()


def clean_words(text: str) -> str:
    """Return the text as one short line that no mail client turns into a link.

    Dots of all kinds, slashes, controls and the like become spaces; digits go if there are as many
    as in a telephone number.
    """
    folded = unicodedata.normalize("NFKC", text[:MAX_INPUT])
    has_number = sum(map(str.isdigit, folded)) > MAX_DIGITS
    cleaned = (_clean(character, has_number=has_number) for character in folded)
    return " ".join("".join(cleaned).split())[:MAX_LENGTH].strip()


def _clean(character: str, *, has_number: bool) -> str:
    category = unicodedata.category(character)
    is_word = category in CATEGORIES or character in PUNCTUATION
    return character if is_word and not (has_number and category == "Nd") else " "
