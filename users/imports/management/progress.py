"""Imports in the terminal: carried out beside the workers, with their progress."""

import time
from typing import Final

from django.core.management.base import CommandError, OutputWrapper

from core.outbox.models import OutboxMessage
from core.outbox.queues import Queue
from core.outbox.tasks import deliver
from core.progress import ProgressBar
from users.imports.models import SkippedRow, UserImport
from users.jobs.states import JobState

# Seconds until the next look, while a worker carries out a turn.
PAUSE: Final = 0.2
# Skipped rows that are shown.
SHOWN: Final = 20


def run_to_the_end(user_import: UserImport, out: OutputWrapper) -> None:
    """Carry out the import's turns that no worker has claimed, and show the progress.

    The turns are messages of the outbox: if this process is killed, a worker takes the next one.
    Raises `CommandError` unless the import is completed.
    """
    bar, total = ProgressBar(out), user_import.total or 0
    # The queue's index spares the other messages.
    messages = OutboxMessage.objects.filter(
        queue=Queue.BULK, payload__user_import_id=str(user_import.pk)
    )
    while user_import.is_live:
        turn = user_import.turn
        for message in messages.all():
            deliver(message.pk)
        user_import.refresh_from_db()
        bar.show(user_import.processed, total, "rows")
        if user_import.is_live and user_import.turn == turn:
            time.sleep(PAUSE)
    is_dry = user_import.is_dry_run
    out.write(
        f"{'Dry run' if is_dry else 'Import'} {user_import.state}: "
        f"{user_import.created:,} {'to create' if is_dry else 'created'}, "
        f"{user_import.changed:,} {'to change' if is_dry else 'changed'}, "
        f"{user_import.unchanged:,} unchanged, {user_import.failed:,} skipped."
    )
    if user_import.ignored_columns:
        out.write(f"Ignored columns: {', '.join(user_import.ignored_columns)}.")
    if user_import.state != JobState.COMPLETED:
        raise CommandError("Not all rows were processed.")


def report_skipped(user_import: UserImport, out: OutputWrapper) -> None:
    """Write the first skipped rows."""
    for row in SkippedRow.objects.filter(user_import=user_import).in_order()[:SHOWN]:
        out.write(f"line {row.line}: {row.reason}")
    if user_import.failed > SHOWN:
        out.write(f"… and {user_import.failed - SHOWN:,} more, listed on the import's admin page.")
