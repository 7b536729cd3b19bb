"""Rate limits and the subjects that they count."""

import hmac
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings

from core.database.texts import replace_nul
from core.security.crypto import derive_key

# No shorter than what the service reads of an identifier. Otherwise texts that differ only beyond
# this length would be one account but several subjects.
MAX_SUBJECT_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class Limit:
    """A burst of ``count`` attempts, and on average ``count`` per ``period``.

    A bucket holds ``count`` attempts and leaks one per ``interval``: the virtual scheduling
    algorithm (GCRA) of ITU-T I.371, annex A. Any ``period`` therefore has fewer than twice
    ``count`` attempts. ``name`` distinguishes limits on the same subjects.
    """

    name: str
    count: int
    period: timedelta

    def __post_init__(self) -> None:
        """Raise `ValueError` for a limit that cannot be counted."""
        if self.count < 1 or not self.interval:
            raise ValueError(f"{self.name}: {self.count} in {self.period} is no limit")

    @property
    def interval(self) -> timedelta:
        """The time in which one attempt leaks, in whole microseconds."""
        return self.period // self.count

    @property
    def capacity(self) -> timedelta:
        """The time in which a full bucket drains."""
        return self.interval * self.count


@dataclass(frozen=True, slots=True)
class Bucket:
    """The attempts of one subject, such as a login or a network, under one limit.

    Subjects that `fold` maps to the same text share a bucket.
    """

    limit: Limit
    subject: str

    @property
    def key(self) -> bytes:
        """The storage key."""
        return storage_key(self.limit.name, fold(self.subject))


def storage_key(limit: str, subject: str) -> bytes:
    """Return a bucket's key: an HMAC, which does not reveal the subject."""
    secret = derive_key("ratelimit", settings.SECRET_KEY)
    text = f"{limit}\0{subject}"
    return hmac.digest(secret, text.encode(errors="surrogatepass"), "sha256")


def fold(text: str) -> str:
    """Return a text without case, accents, character widths and surrounding white space.

    The text is truncated first, because normalisation takes quadratic time.
    """
    decomposed = unicodedata.normalize("NFKD", replace_nul(text).strip()[:MAX_SUBJECT_LENGTH])
    letters = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    return letters.casefold().strip()
