"""Normalisation of passwords (NIST SP 800-63B, section 3.1.1.2)."""

import unicodedata
from collections.abc import Iterator
from typing import Final

# More than the rules allow. Normalisation takes quadratic time.
MAX_LENGTH: Final = 1_000


def normalize_password(password: str) -> str:
    """Return the password in NFC, as it is stored and compared.

    Systems send the same keys as different code points: macOS decomposes accents, Windows does not.
    """
    if password.isascii() or len(password) > MAX_LENGTH:
        return password
    return unicodedata.normalize("NFC", password)


def password_forms(password: str) -> Iterator[str]:
    """Yield the forms to compare with a stored hash: NFC, then as typed, then NFD.

    Hashes of other systems, and ours of earlier releases, may be of any form.
    """
    normalized = normalize_password(password)
    yield normalized
    if password != normalized:
        yield password
    if password.isascii() or len(password) > MAX_LENGTH:
        return
    decomposed = unicodedata.normalize("NFD", password)
    if decomposed not in {normalized, password}:
        yield decomposed
