"""Retry failed messages of the outbox."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from core.errors import InputRejectedError
from core.outbox.models import OutboxMessage
from core.security.actor import SYSTEM
from users.accounts.services.outbox import retry_message


class Command(BaseCommand):
    """Retries messages after an operator fixed the cause, such as the sender's address."""

    help = "Retries failed messages of the outbox: those with the given ids, or all."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ids, as the admin shows them, and --all."""
        parser.add_argument("ids", nargs="*", type=int)
        parser.add_argument("--all", action="store_true", dest="everything")

    def handle(self, *_args: Any, ids: list[int], everything: bool, **_options: Any) -> None:
        """Retry each message in its own transaction."""
        if bool(ids) == everything:
            raise CommandError("Give ids, or --all.")
        if everything:
            ids = list(OutboxMessage.objects.failed().order_by("pk").values_list("pk", flat=True))
        retried = 0
        for message_id in ids:
            try:
                retry_message(message_id, actor=SYSTEM)
            except InputRejectedError:
                self.stderr.write(f"{message_id}: There is no such failed message.")
            else:
                retried += 1
        self.stdout.write(f"Retried {retried} of {len(ids)} messages.")
