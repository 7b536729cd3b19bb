"""Argon2id with the cost from the settings."""

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Django's Argon2 hasher; after a change of cost, the next log-in rehashes a password."""

    parallelism = 1

    @property
    def time_cost(self) -> int:  # type: ignore[override]
        """The number of passes over the memory."""
        return settings.ARGON2_PASSES

    @property
    def memory_cost(self) -> int:  # type: ignore[override]
        """The memory in KiB."""
        return settings.ARGON2_MEMORY_KIB
