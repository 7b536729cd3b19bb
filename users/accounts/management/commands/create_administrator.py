"""Create the first administrator of a deployment."""

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import InputRejectedError
from core.security.actor import SYSTEM
from users.accounts.services.administration import create_user

PASSWORD_VARIABLE = "ADMINISTRATOR_PASSWORD"  # noqa: S105 - a name, not a secret


class Command(BaseCommand):
    """Creates the user through the `create_user` service."""

    help = (
        f"Creates an administrator. The password is read from ${PASSWORD_VARIABLE}, or from the "
        "terminal if the variable is not set."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add all options but the password, which would be visible in the process list."""
        parser.add_argument("--email", required=True)
        parser.add_argument("--username", required=True)
        parser.add_argument("--name", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create the account. Raises `CommandError` with the problems of the input."""
        try:
            user = create_user(
                actor=SYSTEM,
                email=options["email"],
                username=options["username"],
                name=options["name"],
                password=self._password(),
                is_staff=True,
                is_superuser=True,
            )
        except InputRejectedError as error:
            problems = (f"{'.'.join(item.field)}: {item.message}" for item in error.problems)
            raise CommandError("\n".join(problems)) from None
        self.stdout.write(f"{user.username} is now an administrator.")

    @staticmethod
    def _password() -> str:
        password = os.environ.get(PASSWORD_VARIABLE)
        if password:
            return password
        if not sys.stdin.isatty():
            raise CommandError(f"Set {PASSWORD_VARIABLE}, or run this in a terminal.")
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise CommandError("The passwords differ.")
        return password
