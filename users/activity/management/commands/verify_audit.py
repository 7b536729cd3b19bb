"""Look whether the audit trail is what was sealed."""

import re
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.activity.services.sealing import Verification

MAX_FINDINGS = 100


class Command(BaseCommand):
    """Prints the chain's head, to be kept elsewhere, or what is wrong, and then exits with 1."""

    help = "Compare all events with the chain of their seals."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a head that was printed before."""
        parser.add_argument(
            "--head",
            metavar="HASH",
            help="A head that was printed before and kept elsewhere; it must be in the chain.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Walk along the chain."""
        head = options["head"]
        if head is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", head):
            raise CommandError("--head: 64 hexadecimal digits, as this command prints them")
        verification = Verification(anchor=bytes.fromhex(head) if head else None)
        found = 0
        for finding in verification.findings():
            found += 1
            if found <= MAX_FINDINGS:
                self.stderr.write(str(finding))
        self.stdout.write(f"sealed: {verification.seals}, not yet sealed: {verification.waiting}")
        self.stdout.write(f"head: {verification.head.hex()}")
        if found:
            self.stderr.write(f"The audit trail is not what was sealed: {found} findings.")
            sys.exit(1)
