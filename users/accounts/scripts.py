"""Scripts of texts, and letters that look like those of other scripts (Unicode TS 39)."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from confusable_homoglyphs import categories, confusables

LATIN: Final = "LATIN"
# Scripts that are written together, each set also with Latin: the level "Highly Restrictive" of
# section 5.2. All others, above all Cyrillic and Greek with Latin, share too many shapes.
JAPANESE: Final = frozenset(("HAN", "HIRAGANA", "KATAKANA"))
CHINESE: Final = frozenset(("HAN", "BOPOMOFO"))
KOREAN: Final = frozenset(("HAN", "HANGUL"))
# Script_Extensions of letters and marks that are of no script by the property Script, which is all
# that the library has; of the sets above only. Others may be combined with any script.
KANA: Final = frozenset(("HIRAGANA", "KATAKANA"))
EXTENSIONS: Final = {
    **dict.fromkeys("\u3031\u3032\u3033\u3034\u3035\u3099\u309a\u30fc", KANA),
    "\u3006": frozenset(("HAN",)),
    "\u303c": JAPANESE,
    **dict.fromkeys("\u02c7\u02c9\u02ca\u02cb", frozenset(("BOPOMOFO", LATIN))),
}
# Of alphabets, such as the Turkish, Danish and Ewe ones. Other Latin letters that Unicode's table
# relates to ASCII are phonetic or historical.
ALPHABETIC: Final = frozenset("ıæœɣʋ")
# Missing in Unicode's table: Bopomofo I is a horizontal stroke, too.
DRAWN_AS: Final = {"\u3127": "\u4e00"}


def mixes_scripts(text: str) -> bool:
    """Return whether letters and digits are of several scripts that are not written together."""
    extensions = [scripts for letter in _letters(text) if (scripts := _scripts_of(letter))]
    if not extensions or frozenset.intersection(*extensions):
        return False
    return not any(
        all(scripts & (system | {LATIN}) for scripts in extensions)
        for system in (JAPANESE, CHINESE, KOREAN)
    )


def is_look_alike(text: str) -> bool:
    """Return whether all letters of a script in the text look like other characters.

    Those are Latin letters or, in a text of several scripts, the others' letters and punctuation
    (whole-script confusables of each script). Common kanji and kana have look-alikes, so a single
    one is no evidence. A single Latin letter that looks like ASCII is.
    """
    if any(map(_looks_like_ascii, _letters(text))):
        return True
    letters: dict[str, set[str]] = defaultdict(set)
    shared: set[frozenset[str]] = set()
    for letter in _letters(text):
        scripts = _scripts_of(letter)
        if len(scripts) == 1:
            letters[next(iter(scripts))].add(letter)
        elif scripts:
            shared.add(scripts)
    # A long vowel's mark without a vowel is a dash.
    if not all(scripts & letters.keys() for scripts in shared):
        return True
    others = letters.keys() | ({"COMMON"} if len(letters) > 1 else {LATIN})
    return any(
        all(_look_alikes(letter) & (others - {script}) for letter in found)
        for script, found in letters.items()
        if script != LATIN
    )


def _letters(text: str) -> set[str]:
    return {each for each in text if unicodedata.category(each)[0] in "LMN"}


def _scripts_of(letter: str) -> frozenset[str]:
    """Return the scripts that the letter is used in; none stands for all."""
    if letter in EXTENSIONS:
        return EXTENSIONS[letter]
    return frozenset((categories.alias(letter),)) - {"COMMON", "INHERITED"}


def _looks_like_ascii(letter: str) -> bool:
    if letter.isascii() or letter in ALPHABETIC or _scripts_of(letter) != {LATIN}:
        return False
    return any(each.isascii() for each in _glyphs_like(letter))


def _look_alikes(letter: str) -> set[str]:
    """Return the scripts of characters that look like the letter."""
    return {categories.alias(glyph) for each in _glyphs_like(letter) for glyph in each}


def _glyphs_like(letter: str) -> set[str]:
    """Return what looks like the letter, without its other forms.

    The table relates characters to a prototype, so two of the same one are two steps apart.
    """
    letter = DRAWN_AS.get(letter, letter)
    prototypes = {letter, *_related(letter)}
    alike = {each for prototype in prototypes for each in _related(prototype)}
    return {each for each in alike | prototypes if unicodedata.normalize("NFKC", each) != letter}


def _related(letter: str) -> Iterator[str]:
    return (entry["c"] for entry in confusables.confusables_data.get(letter, ()))
