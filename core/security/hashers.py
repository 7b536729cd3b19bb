"""Argon2id with the cost that the settings choose."""

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Django's Argon2 hasher; raising the cost rehashes a password when it is next used."""

    parallelism = 1

    @property
    def time_cost(self) -> int:  # type: ignore[override]
        """Passes over the memory."""
        return settings.ARGON2_PASSES

    @property
    def memory_cost(self) -> int:  # type: ignore[override]
        """Memory in KiB."""
        return settings.ARGON2_MEMORY_KIB
