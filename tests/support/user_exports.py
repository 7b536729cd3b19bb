"""Exports of users, started over the API and run as by a worker."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from tests.support.client import Answer, GraphQLClient
from users.exports.models import UserExport
from users.exports.services.download import read_file
from users.jobs.spreadsheets import MARK, MARK_COLUMN

EXPORT = """
    mutation ($input: ExportUsersInput!) { exportUsers(input: $input) {
      userExport {
        id state total done fields format search filter size expiresAt url
        requester { username }
      }
      errors { code field message }
    } }
"""


def remove_files() -> None:
    """Remove the files of all exports."""
    shutil.rmtree(Path(settings.PRIVATE_FILES_DIR) / "user-exports", ignore_errors=True)


def start(client: GraphQLClient, **values: Any) -> Answer:
    """Start an export over the API; by default, of the names of all users."""
    return client(EXPORT, input={"fields": ["USERNAME"], "format": "CSV"} | values)


def started(client: GraphQLClient, **values: Any) -> UserExport:
    """Start an export; assert that it is accepted."""
    assert start(client, **values).problems == []
    export: UserExport = UserExport.objects.latest("pk")
    return export


def run_turn() -> None:
    """Deliver the next message of an export."""
    deliver(OutboxMessage.objects.filter(subscriber__endswith="run_user_export").get().pk)


def run_turns() -> int:
    """Deliver all messages of exports; return their number."""
    turns = 0
    while OutboxMessage.objects.filter(subscriber__endswith="run_user_export").exists():
        run_turn()
        turns += 1
    return turns


def completed(client: GraphQLClient, **values: Any) -> UserExport:
    """Start an export and run it to its end."""
    export = started(client, **values)
    run_turns()
    export.refresh_from_db()
    return export


def content(export: UserExport) -> bytes:
    """Return the file."""
    length, blocks = read_file(export)
    found = b"".join(blocks)
    assert len(found) == length
    return found


def rows(export: UserExport) -> list[dict[str, Any]]:
    """Return the rows of the file, by column, without the mark of CSV."""
    text = content(export).decode()
    if export.format == "csv":
        found: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text, newline="")))
        assert {row.pop(MARK_COLUMN) for row in found} <= {MARK}
        return found
    return [json.loads(line) for line in text.splitlines()]
