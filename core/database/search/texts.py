"""Searchable columns and search conditions."""

import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Case, F, Func, GeneratedField, IntegerField, Q, TextField, Value, When
from django.db.models.functions import Collate, Concat, Length
from django.db.models.lookups import Lookup
from django.utils.translation import gettext as _

from core.database.search.characters import IS_IDEOGRAPH, IS_IGNORED, IS_LETTER
from core.errors import ArgumentInvalidError
from engine.sql.filtered_page import BoundedOrder

MAX_LENGTH: Final = 100
MAX_WORDS: Final = 10
# The collation of `search/0002_all_names`.
NAMES: Final = "roster_names"
# A trigram index does not serve shorter patterns.
MIN_LETTERS_INSIDE: Final = 3
# Most matches that an ordering by rank considers.
MAX_CANDIDATES: Final = 1_000
# Separates the ranks; longer than the longest searchable text.
STEP: Final = 10_000


class Fold(Func):
    """Folds a text for search and order: no accents, lower case, one space around words.

    Ideographs, kana and Hangul syllables are words each.
    """

    function = "roster_fold"
    output_field = TextField()


class _Pattern(Fold):
    """The LIKE pattern that matches the folded text between ``start`` and ``end``.

    It is NULL, which matches nothing, if folding leaves nothing: collations do not agree on digits.
    """

    template = (
        "('%%%%%(start)s' || nullif(btrim(%(function)s(%(expressions)s)), '') || '%(end)s%%%%')"
    )

    def __init__(self, word: str, *, start: str = "", end: str = "") -> None:
        """Match a word; a space is the boundary of words."""
        super().__init__(Value(word), start=start, end=end)


class _Like(Lookup):
    """SQL's LIKE, with an expression as the pattern."""

    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Return the SQL and its parameters."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right}", [*left_params, *right_params]


class Rank(BoundedOrder, Case):
    """How well a text matches, lower is better; orders at most ``candidates`` rows."""

    candidates = MAX_CANDIDATES


def in_name_order(column: str) -> Collate:
    """Return the text by which names are ordered: by the root collation, without accents."""
    return Collate(Fold(column), NAMES)


def searchable(*columns: str) -> GeneratedField:
    """Return a generated column with the folded text of other columns.

    It needs a trigram index.
    """
    texts = [part for column in columns for part in (F(column), Value(" "))]
    return GeneratedField(
        expression=Fold(Concat(*texts, output_field=TextField())),
        output_field=TextField(),
        db_persist=True,
    )


def words_of(text: str) -> list[str]:
    """Return the words of a search.

    Raises `ArgumentInvalidError` for a search that is too long, has too many words, or has neither
    letters nor digits.
    """
    if len(text) > MAX_LENGTH or "\0" in text:
        raise ArgumentInvalidError(
            _("Search for at most %(max)d characters, without null characters.")
            % {"max": MAX_LENGTH}
        )
    words = [word for word in text.split() if _letters(word)]
    if not words:
        raise ArgumentInvalidError(_("Enter at least one letter or digit to search for."))
    if len(words) > MAX_WORDS:
        raise ArgumentInvalidError(_("Search for at most %(max)d words.") % {"max": MAX_WORDS})
    return words


def has_words(column: str | Fold, words: Sequence[str]) -> Q:
    """Return the condition that a column of folded text contains all words, in any order.

    ``column`` may also be an expression that folds one. A word of fewer than `MIN_LETTERS_INSIDE`
    letters matches only the start of a word. Ideographs are words, so they match anywhere.
    """
    text = F(column) if isinstance(column, str) else column
    return Q(*(_Like(text, _pattern(word)) for word in words))


def rank(column: str, words: Sequence[str]) -> Rank:
    """Return the rank: whole words, then word prefixes, then others; shorter texts first."""
    length = Length(column)
    whole = (_Like(F(column), _Pattern(word, start=" ", end=" ")) for word in words)
    prefixes = (_Like(F(column), _Pattern(word, start=" ")) for word in words)
    return Rank(
        When(Q(*whole), then=length),
        When(Q(*prefixes), then=length + STEP),
        default=length + 2 * STEP,
        output_field=IntegerField(),
    )


def _pattern(word: str) -> _Pattern:
    letters = _letters(word)
    starts_word = len(letters) < MIN_LETTERS_INSIDE or IS_IDEOGRAPH.match(letters[0])
    ends_word = IS_IDEOGRAPH.match(letters[-1])
    return _Pattern(word, start=" " if starts_word else "", end=" " if ends_word else "")


def _letters(word: str) -> list[str]:
    """Return the letters and digits that folding leaves."""
    return IS_LETTER.findall(IS_IGNORED.sub("", unicodedata.normalize("NFKC", word)))
