"""Trusted documents, in the memory of the process and in PostgreSQL."""

import sys
from time import monotonic
from typing import Final, NamedTuple

from engine.caches import SizedCache
from schema.trusted.models import TrustedDocument
from schema.trusted.names import learn_names

# For which a process does not notice that a document was withdrawn; repeated requests add theirs.
SECONDS: Final = 30.0
MAX_BYTES: Final = 16 << 20
ENTRY_BYTES: Final = 500


class _Known(NamedTuple):
    """The text of a document, and the monotonic time until which it counts as trusted."""

    text: str
    until: float

    @property
    def size(self) -> int:
        """The estimated bytes, with the key."""
        return ENTRY_BYTES + sys.getsizeof(self.text)


# By canonical id. Unknown ids are not cached, so a new document is found at once.
KNOWN: Final[SizedCache[_Known]] = SizedCache(MAX_BYTES, lambda known: known.size)


def trusted_text(key: str) -> str | None:
    """Return the text of the trusted document with a canonical id, or None."""
    known = KNOWN.get(key)
    if known is not None and monotonic() < known.until:
        return known.text
    rows = TrustedDocument.objects.identified_by(key).values_list("text", flat=True)
    for text in rows[:1]:
        # The same text again keeps what is cached by it.
        found = known.text if known is not None and known.text == text else text
        KNOWN.put(key, _Known(found, monotonic() + SECONDS))
        learn_names(found)
        return found
    return None
