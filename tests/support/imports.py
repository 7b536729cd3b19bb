"""Imports of users, carried out as by a worker."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from core.security.actor import Actor
from users.accounts.models import User
from users.authentication.sessions.credentials import background_actor
from users.imports.fields import ImportFormat, ImportMode
from users.imports.models import SkippedRow, UserImport
from users.imports.services.start import start_user_import

# The former system of imports that name none.
SOURCE = "shop"
HASH = "pbkdf2_sha256$1$salt$ON9CizCTCOSMNofn+QvaDpzyU1aMIex1Sg4HarSrZCM="
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# A row of CSV with all fields.
MARY = {
    "external_id": "17",
    "email": "Mary@Example.org",
    "email_verified": "true",
    "secondary_emails": "mm@example.org; mary@example.org",
    "username": "Mary",
    "name": "Mary Major",
    "given_name": "Mary",
    "family_name": "Major",
    "locale": "de-AT",
    "time_zone": "Europe/Vienna",
    "password_hash": HASH,
    "totp_secret": "jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp",
    "suspended": "no",
    "created_at": "2020-02-29T12:00:00+01:00",
    "public_metadata": '{"plan": "team"}',
    "private_metadata": '{"crm": 5}',
    "groups": "Editors; Authors",
    "organizations": "Acme:ADMIN;New Corp:owner",
}


def actor_of(user: User) -> Actor:
    actor = background_actor(user.pk, token_id=None)
    assert actor is not None
    return actor


def csv_of(*rows: Mapping[str, str]) -> bytes:
    """Return rows as CSV, with the columns of the first."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def json_lines(*rows: Mapping[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def start(
    user: User, data: bytes, format_: ImportFormat = ImportFormat.CSV, **options: Any
) -> UserImport:
    """Start an import as this administrator."""
    options = {"source": SOURCE} | options
    return start_user_import(io.BytesIO(data), actor=actor_of(user), format_=format_, **options)


def run_turns() -> None:
    """Deliver the messages of imports, and of their ends."""
    messages = OutboxMessage.objects.filter(subscriber__startswith="users.imports.")
    while message := messages.first():
        deliver(message.pk)


def import_csv(user: User, *rows: Mapping[str, str], **options: Any) -> UserImport:
    """Import rows of CSV to the end."""
    return finished(start(user, csv_of(*rows), **options))


def import_json(user: User, *rows: Mapping[str, Any], **options: Any) -> UserImport:
    """Import lines of JSON to the end."""
    return finished(start(user, json_lines(*rows), ImportFormat.JSON_LINES, **options))


def upsert_json(user: User, *rows: Mapping[str, Any], **options: Any) -> UserImport:
    """Create users or change existing ones."""
    return import_json(user, *rows, mode=ImportMode.UPSERT, **options)


def finished(user_import: UserImport) -> UserImport:
    run_turns()
    user_import.refresh_from_db()
    assert not user_import.is_live
    return user_import


def counts(user_import: UserImport) -> tuple[int, int, int]:
    """Return the numbers of imported, unchanged and skipped rows."""
    return user_import.done, user_import.unchanged, user_import.failed


def skipped(user_import: UserImport) -> list[tuple[int, str, str]]:
    """Return the line, the code and the field of each skipped row."""
    rows: Iterable[SkippedRow] = SkippedRow.objects.filter(user_import=user_import).in_order()
    return [(row.line, row.code, row.field) for row in rows]
