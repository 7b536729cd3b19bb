"""The export of `manage.py export_users`, which needs no job."""

from collections.abc import Iterator, Sequence
from typing import IO

from django.db import transaction

from core.database.ids import new_id
from core.security.actor import SYSTEM
from users.activity.services.record import record
from users.activity.tags import Tag
from users.exports.formats import ExportFormat
from users.exports.services.write import write_users
from users.jobs.selection import Selection


def export_to_file(
    file: IO[bytes], *, columns: Sequence[str], file_format: ExportFormat
) -> Iterator[tuple[int, int]]:
    """Write all users to the file; yield how many are written, and the total.

    The event is recorded before the first user is read.
    """
    with transaction.atomic(durable=True):
        record(
            Tag.USERS_EXPORTED,
            actor=SYSTEM,
            subject_id=None,
            columns=list(columns),
            format=file_format,
        )
    users = Selection().users(SYSTEM).filter(pk__lt=new_id(), erased_at=None)
    total, done = users.order_by().count(), 0
    file.write(file_format.head(columns))
    for written in write_users(file, users, columns=columns, file_format=file_format, after=None):
        done += written.count
        yield done, max(done, total)
