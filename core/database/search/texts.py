"""Columns to search, and conditions on them."""

import re
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Case, F, Func, GeneratedField, IntegerField, Q, TextField, Value, When
from django.db.models.functions import Concat, Length
from django.db.models.lookups import Lookup
from django.utils.translation import gettext as _

from core.errors import ArgumentInvalidError

MAX_LENGTH: Final = 100
MAX_WORDS: Final = 10
LETTER: Final = re.compile(r"[^\W_]")
# Fewer letters are no trigram.
MIN_LETTERS_INSIDE: Final = 3
# A search that is answered with the best match first looks at this many, at the most.
MAX_CANDIDATES: Final = 1_000
# More than the longest text has characters.
STEP: Final = 10_000


class Fold(Func):
    """A text as it is searched: NFKC, without accents, in lower case, one space around words."""

    function = "roster_fold"
    output_field = TextField()


class _SubstringPattern(Fold):
    """The pattern of texts that contain the folded one."""

    template = "('%%%%' || btrim(%(function)s(%(expressions)s)) || '%%%%')"


class _WordPrefixPattern(Fold):
    """The pattern of texts that have a word which begins as the folded one."""

    template = "('%%%% ' || btrim(%(function)s(%(expressions)s)) || '%%%%')"


class _WholeWordPattern(Fold):
    """The pattern of texts that have the folded one as a word."""

    template = "('%%%% ' || btrim(%(function)s(%(expressions)s)) || ' %%%%')"


class _Like(Lookup):
    """SQL's LIKE, with an expression for the pattern."""

    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Compare the two sides."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right}", [*left_params, *right_params]


class Rank(Case):
    """How well a text matches, the smaller the better: to order by, over so many candidates."""

    candidates = MAX_CANDIDATES


def searchable(*columns: str) -> GeneratedField:
    """Return a column that PostgreSQL fills with what is in others, ready to be searched.

    Give it an index of trigrams.
    """
    texts = [part for column in columns for part in (F(column), Value(" "))]
    return GeneratedField(
        expression=Fold(Concat(*texts, output_field=TextField())),
        output_field=TextField(),
        db_persist=True,
    )


def words_of(text: str) -> list[str]:
    """Return what is to be found, each anywhere in a text.

    Raises `ArgumentInvalidError` for what cannot be searched.
    """
    if len(text) > MAX_LENGTH or "\0" in text:
        raise ArgumentInvalidError(
            _("Search for at most %(max)d characters, and no NUL.") % {"max": MAX_LENGTH}
        )
    words = [word for word in text.split() if LETTER.search(word)]
    if not words:
        raise ArgumentInvalidError(_("Give a letter or digit to search for."))
    if len(words) > MAX_WORDS:
        raise ArgumentInvalidError(_("Search for at most %(max)d words.") % {"max": MAX_WORDS})
    return words


def has_words(column: str, words: Sequence[str]) -> Q:
    """Return the condition that all words are in the column; short ones, at a word's beginning."""
    return Q(*(_Like(F(column), _pattern(word)) for word in words))


def rank(column: str, words: Sequence[str]) -> Rank:
    """Order by whole words, then beginnings of words, then other parts; short texts first."""
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
