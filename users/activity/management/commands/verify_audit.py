"""Verifies the audit trail against its seals."""

import re
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.activity.services.partitions import expired_before
from users.activity.services.sealing import Verification

MAX_FINDINGS = 100


class Command(BaseCommand):
    """`manage.py verify_audit`; prints the chain's head, and exits with 1 on any finding.

    Store the head outside of the database, to detect a chain that was truncated or rebuilt.
    """

    help = "Verifies all events against the chain of their seals."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option for an earlier head."""
        parser.add_argument(
            "--head",
            metavar="HASH",
            help="A head that an earlier run printed; it must be in the chain.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Verify the chain and print the findings."""
        head = options["head"]
        if head is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", head):
            raise CommandError("--head must be 64 hexadecimal digits, as printed by this command.")
        verification = Verification(anchor=bytes.fromhex(head) if head else None)
        found = 0
        for finding in verification.findings():
            found += 1
            if found <= MAX_FINDINGS:
                self.stderr.write(str(finding))
        self.stdout.write(f"sealed: {verification.seals}, not yet sealed: {verification.waiting}")
        if before := expired_before():
            self.stdout.write(f"expired: {verification.expired}, from before {before.date()}")
        self.stdout.write(f"head: {verification.head.hex()}")
        if found:
            self.stderr.write(f"The audit trail does not match its seals: {found} findings.")
            sys.exit(1)
