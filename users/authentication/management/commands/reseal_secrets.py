"""Seals secrets at rest under today's SECRET_KEY, after which its fallbacks may go."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.security.crypto import UnsealError
from users.authentication.services.rotate_secret_key import reseal_secrets


class Command(BaseCommand):
    """`manage.py reseal_secrets`, to be run on every change of SECRET_KEY."""

    help = "Seals secrets at rest under SECRET_KEY that were sealed under one of its fallbacks."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Tell how many there were."""
        try:
            count = reseal_secrets()
        except UnsealError:
            raise CommandError(
                "A secret was sealed under a key that is neither SECRET_KEY nor among its "
                "fallbacks. Name that one in SECRET_KEY_FALLBACKS."
            ) from None
        self.stdout.write(f"{count} secrets were sealed anew.")
