"""Names that people give to themselves and to things, on one line."""

import re
import unicodedata
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Longer than any column of names. Normalisation takes quadratic time.
MAX_LENGTH: Final = 1_000
# Directions, joiners of words, tags. Variation selectors are parts of characters.
INVISIBLE: Final = re.compile(
    r"[\u00ad\u034f\u061c\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Letters and symbols that are drawn as nothing.
BLANK: Final = re.compile(r"[\u115f\u1160\u2800\u3164\uffa0]")
# Joiners shape letters of Persian and Indic words, and emoji; elsewhere they are invisible. The
# second of two comes first, so that a run of them is not read again from each.
STRAY_JOINER: Final = re.compile(
    r"(?<=[\u200c\u200d])[\u200c\u200d]|(?<!\S)[\u200c\u200d]+|[\u200c\u200d]+(?!\S)"
)
# Of `unicodedata.category`: what is drawn.
DRAWN: Final = frozenset("LNPS")
# Marks on one letter, in NFC. UTS 39 (5.4) suggests 4; pointed Hebrew with accents has 5. Tibetan
# writes the letters of a syllable below each other, as marks.
MAX_MARKS: Final = 5
MAX_TIBETAN_MARKS: Final = 9
TIBETAN: Final = range(0x0F00, 0x1000)
STACKED: Final = frozenset(("Mn", "Me"))
# They neither end a stack nor add to it: spacing marks and joiners.
BESIDE: Final = frozenset(("Mc", "Cf"))


def clean_name(text: str) -> str:
    """Return a name in NFC, with one space between words and no invisible characters.

    What has nothing to draw is empty. Text of more than `MAX_LENGTH` characters, which no column
    takes, is unchanged. Raises `ValidationError` for control characters other than white space, and
    for more than `MAX_MARKS` on a letter, which are drawn over other lines.
    """
    if len(text) > MAX_LENGTH:
        return text
    normalized = unicodedata.normalize("NFC", BLANK.sub(" ", INVISIBLE.sub("", text)))
    name = STRAY_JOINER.sub("", " ".join(normalized.split()))
    categories = {unicodedata.category(character) for character in name}
    if categories & {"Cc", "Cs"}:
        raise ValidationError(_("Remove the control characters."))
    if _has_high_stack(name):
        raise ValidationError(
            _("Use at most %(max)d accents or other marks on one letter.") % {"max": MAX_MARKS}
        )
    return name if any(category[0] in DRAWN for category in categories) else ""


def _has_high_stack(name: str) -> bool:
    height = 0
    for character in name:
        category = unicodedata.category(character)
        if category in STACKED:
            height += 1
            if height > (MAX_TIBETAN_MARKS if ord(character) in TIBETAN else MAX_MARKS):
                return True
        elif category not in BESIDE:
            height = 0
    return False
