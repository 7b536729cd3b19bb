"""The names of operations that metrics may show: those of documents that an operator trusts."""

import re
from typing import Final

# Of operations. Names in texts and comments match as well, which harms nothing.
_NAME: Final = re.compile(r"\b(?:query|mutation)\s+([_A-Za-z][_0-9A-Za-z]*)")
MAX_LENGTH: Final = 60
# Each is a series for every bucket of a histogram.
MAX_NAMES: Final = 300

trusted_names: Final[set[str]] = set()


def learn_names(text: str) -> None:
    """Remember the names in a trusted document, up to `MAX_NAMES` of all."""
    for name in _NAME.findall(text):
        if len(trusted_names) < MAX_NAMES and len(name) <= MAX_LENGTH:
            trusted_names.add(name)
