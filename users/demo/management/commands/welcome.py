"""Prints where the demo runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from users.demo.accounts import DEMO_ACCOUNTS


class Command(BaseCommand):
    """`manage.py welcome`, called by `make run`."""

    help = "Prints the demo's URLs and accounts."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print the URLs and the demo accounts."""
        url = settings.PUBLIC_URL
        lines = ["", f"  Roster is running at {url}", "", f"  Console   {url}/graphql"]
        lines.append(f"  Admin     {url}/admin/")
        if settings.DEMO_MAILBOX:
            lines.append(f"  Mail      {url}/dev/mail/")
        lines += ["", f"  Sign in with the password {settings.DEMO_PASSWORD} as"]
        lines += [
            f"    {account.username:<6} {account.role.lower()}: {account.description}"
            for account in DEMO_ACCOUNTS
        ]
        lines += ["", "  Ctrl-C stops everything; the data stays.", ""]
        self.stdout.write("\n".join(lines))
        # Otherwise a pipe or a file would have it only with the next log line of a service.
        self.stdout.flush()
