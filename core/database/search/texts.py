"""Searchable columns and search conditions."""

import re
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Case, F, Func, GeneratedField, IntegerField, Q, TextField, Value, When
from django.db.models.functions import Concat, Length
from django.db.models.lookups import Lookup
from django.utils.translation import gettext as _

from core.errors import ArgumentInvalidError
from engine.sql.filtered_page import BoundedOrder

MAX_LENGTH: Final = 100
MAX_WORDS: Final = 10
LETTER: Final = re.compile(r"[^\W_]")
# A trigram index does not serve shorter patterns.
MIN_LETTERS_INSIDE: Final = 3
# Most matches that an ordering by rank considers.
MAX_CANDIDATES: Final = 1_000
# Separates the ranks; longer than the longest searchable text.
STEP: Final = 10_000


class Fold(Func):
    """Folds a text for search: NFKC, no accents, lower case, one space around words."""

    function = "roster_fold"
    output_field = TextField()


class _SubstringPattern(Fold):
    """The LIKE pattern that matches the folded text anywhere."""

    template = "('%%%%' || btrim(%(function)s(%(expressions)s)) || '%%%%')"


class _WordPrefixPattern(Fold):
    """The LIKE pattern that matches the folded text at the start of a word."""

    template = "('%%%% ' || btrim(%(function)s(%(expressions)s)) || '%%%%')"


class _WholeWordPattern(Fold):
    """The LIKE pattern that matches the folded text as a whole word."""

    template = "('%%%% ' || btrim(%(function)s(%(expressions)s)) || ' %%%%')"


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
    words = [word for word in text.split() if LETTER.search(word)]
    if not words:
        raise ArgumentInvalidError(_("Enter at least one letter or digit to search for."))
    if len(words) > MAX_WORDS:
        raise ArgumentInvalidError(_("Search for at most %(max)d words.") % {"max": MAX_WORDS})
    return words


def has_words(column: str | Fold, words: Sequence[str]) -> Q:
    """Return the condition that a column of folded text contains all words, in any order.

    ``column`` may also be an expression that folds one. A word of fewer than `MIN_LETTERS_INSIDE`
    letters matches only the start of a word.
    """
    text = F(column) if isinstance(column, str) else column
    return Q(*(_Like(text, _pattern(word)) for word in words))


def rank(column: str, words: Sequence[str]) -> Rank:
    """Return the rank: whole words, then word prefixes, then others; shorter texts first."""
    length = Length(column)
    return Rank(
        When(Q(*(_Like(F(column), _WholeWordPattern(Value(word))) for word in words)), then=length),
        When(
            Q(*(_Like(F(column), _WordPrefixPattern(Value(word))) for word in words)),
            then=length + STEP,
        ),
        default=length + 2 * STEP,
        output_field=IntegerField(),
    )


def _pattern(word: str) -> Func:
    letters = len(LETTER.findall(word))
    return (_SubstringPattern if letters >= MIN_LETTERS_INSIDE else _WordPrefixPattern)(Value(word))
