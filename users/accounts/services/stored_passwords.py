"""Hashing of passwords, and verification of stored ones, within bounds on threads."""

from collections.abc import Callable
from typing import Final

from django.contrib.auth.hashers import (
    UNUSABLE_PASSWORD_PREFIX,
    check_password,
    identify_hasher,
    is_password_usable,
    make_password,
)

from core.bulkhead import EXPENSIVE, half_of_threads
from core.security.passwords import password_forms

# Instead of a hash, if there is none to verify.
NO_PASSWORD: Final = UNUSABLE_PASSWORD_PREFIX
# Of imported hashes, one may take a second; ours takes some 30 ms.
COSTLY_HASHES: Final = half_of_threads("imported password hashes")


def hash_password(password: str) -> str:
    """Return the hash of a new password. Raises `NotStartedError` as `check_stored_password`."""
    with EXPENSIVE:
        return make_password(password)


def check_stored_password(
    password: str, encoded: str, rehash: Callable[[str], None] | None = None
) -> bool:
    """Return whether the password matches, as Django's `check_password` does.

    Raises `NotStartedError` while all but one of a process's threads hash passwords, and for a
    hash that is not of our current parameters, while half of them do. So requests without a
    password are served during a storm of log-ins.
    """
    with COSTLY_HASHES if is_costly(encoded) else EXPENSIVE:
        if is_password_usable(encoded):
            return check_password(password, encoded, rehash)
        # Timing side channel: as often as a wrong password would be compared.
        for form in password_forms(password):
            make_password(form)
        return False


def is_costly(encoded: str) -> bool:
    """Return whether verifying may take longer than a hash of our current parameters."""
    try:
        hasher = identify_hasher(encoded)
    except ValueError:
        # There is no usable password.
        return False
    return hasher.algorithm != "argon2" or hasher.must_update(encoded)
