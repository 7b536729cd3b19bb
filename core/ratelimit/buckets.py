"""What is limited, and who is counted."""

import hmac
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings

from core.database.texts import replace_nul
from core.security.crypto import derive_key

# More than any subject has, and no less than the service reads of an identifier: what differs
# only behind that is the same account, and must be the same subject.
MAX_SUBJECT_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` attempts at once, and in the long run ``count`` in each ``period``.

    A bucket holds ``count`` attempts and leaks one in every ``interval``: the virtual scheduling
    algorithm (GCRA) of ITU-T I.371, annex A. Any ``period`` therefore sees less than twice
    ``count``. ``name`` tells limits apart that count the same subjects.
    """

    name: str
    count: int
    period: timedelta

    def __post_init__(self) -> None:
        """Refuse what could not be counted."""
        if self.count < 1 or not self.interval:
            raise ValueError(f"{self.name}: {self.count} in {self.period} is no limit")

    @property
    def interval(self) -> timedelta:
        """The time in which one attempt leaks away, in whole microseconds."""
        return self.period // self.count

    @property
    def capacity(self) -> timedelta:
        """The time in which a full bucket leaks empty."""
        return self.interval * self.count


@dataclass(frozen=True, slots=True)
class Bucket:
    """The attempts of one subject, such as an account's login or a network, against one limit.

    Subjects that `fold` alike are one.
    """

    limit: Limit
    subject: str

    @property
    def key(self) -> bytes:
        """What the bucket is stored under: it tells nobody without SECRET_KEY the subject."""
        secret = derive_key("ratelimit", settings.SECRET_KEY)
        text = f"{self.limit.name}\0{fold(self.subject)}"
        return hmac.digest(secret, text.encode(errors="surrogatepass"), "sha256")


def fold(text: str) -> str:
    """Return what is left of a text without case, accents, widths and surrounding white space.

    What is longer than any subject is cut first, because normalising takes quadratic time.
    """
    decomposed = unicodedata.normalize("NFKD", replace_nul(text).strip()[:MAX_SUBJECT_LENGTH])
    letters = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    return letters.casefold().strip()
