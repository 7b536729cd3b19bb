"""Time and memory of an import of users with password hashes, by `manage.py import_users`.

Run by `make bench-imports`. The command and PostgreSQL have the machine's cores to themselves; no
worker runs.
"""

import base64
import csv
import os
import resource
import secrets
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

COLUMNS: Final = (
    *("external_id", "email", "email_verified", "given_name", "family_name", "locale"),
    *("password_hash", "created_at", "public_metadata"),
)
# KiB in a MiB.
KIB: Final = 1_024


def write_users(path: Path, rows: int) -> None:
    """Write a file of users, each with a hash of Django's PBKDF2 and metadata."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            digest = base64.b64encode(secrets.token_bytes(32)).decode()
            writer.writerow(
                (
                    number,
                    f"user{number}@example.org",
                    "true",
                    f"Given {number}",
                    f"Family {number}",
                    "de" if number % 3 else "en",
                    f"pbkdf2_sha256$1000000${secrets.token_hex(11)}${digest}",
                    f"2024-01-{number % 28 + 1:02}T12:00:00Z",
                    f'{{"plan": "team", "seats": {number % 50}}}',
                )
            )


def main() -> int:
    """Import the number of users in `USERS`, and print time and memory."""
    import django  # noqa: PLC0415 - after the settings

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    rows = int(os.environ.get("USERS", "100000"))
    os.environ["ADMINISTRATOR_PASSWORD"] = secrets.token_urlsafe(20)
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    call_command("create_administrator", email="root@example.org", username="importer")
    with TemporaryDirectory() as directory:
        path = Path(directory) / "users.csv"
        write_users(path, rows)
        begun, processor = time.monotonic(), time.process_time()
        call_command("import_users", str(path), administrator="importer", source="bench")
        elapsed, processor = time.monotonic() - begun, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
    sys.stdout.write(
        f"{rows:,} users in {elapsed:.1f} s: {60 * rows / elapsed:,.0f} a minute; "
        f"{processor:.1f} s of Python, peak {peak:.0f} MiB\n"
    )
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    sys.exit(main())
