"""Reseals secrets at rest under the current SECRET_KEY, so that its fallbacks can be removed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.security.crypto import UnsealError
from users.authentication.services.rotate_secret_key import reseal_secrets


class Command(BaseCommand):
    """`manage.py reseal_secrets`; run it after every change of SECRET_KEY."""

    help = "Reseals secrets at rest under SECRET_KEY that were sealed under one of its fallbacks."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Reseal the secrets and print their number."""
        try:
            count = reseal_secrets()
        except UnsealError:
            raise CommandError(
                "A secret was sealed under a key that is neither SECRET_KEY nor one of its "
                "fallbacks. Add that key to SECRET_KEY_FALLBACKS."
            ) from None
        self.stdout.write(f"Resealed secrets: {count}.")
