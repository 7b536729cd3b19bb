"""Running exports: each step stores a part of the file, and then the cursor.

A worker that is killed between the two leaves a part that the next one replaces, because both begin
at the same cursor: no user is missing or there twice.
"""

import time
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Final

from django.db import OperationalError, transaction
from django.db.models import F
from psycopg.errors import QueryCanceled

from core.security.actor import Actor
from users.accounts.models import UserQuerySet
from users.activity.tags import Tag
from users.exports.files import delete_parts, store_part
from users.exports.formats import ExportFormat
from users.exports.models import UserExport
from users.exports.policy import may_export_users
from users.exports.services.write import write_users
from users.jobs.kinds import JobKind, register_kind
from users.jobs.selection import selected_users
from users.jobs.services import run
from users.jobs.services.run import OvertakenError, advance

TOPIC: Final = "users-export:turn"
# The users of a part, which bounds what is written again after a kill.
PART: Final = 20_000


def _process_page(export: UserExport, actor: Actor) -> Iterator[bool]:
    """Store the next part: `PART` users, or those of the time of a turn."""
    ends_at = time.monotonic() + run.TURN.total_seconds()
    users = selected_users(export, actor).filter(erased_at=None)
    if export.cursor is None and export.total is None:
        _count(export, users)
    count, cursor = 0, export.cursor
    with TemporaryFile("w+b") as file:
        for written in write_users(
            file,
            users,
            columns=export.columns,
            file_format=ExportFormat(export.format),  # type: ignore[call-arg]
            after=cursor,
        ):
            count, cursor = count + written.count, written.cursor
            if count >= PART or time.monotonic() >= ends_at:
                break
        if not count:
            return
        size = file.tell()
        file.seek(0)
        after = {"cursor": export.cursor}
        if not UserExport.objects.filter(pk=export.pk, **after).exists():
            # The part is that of the other worker, and may end elsewhere.
            raise OvertakenError
        store_part(export.directory, export.parts, file)
    is_running = advance(
        export,
        after=after,
        cursor=cursor,
        done=F("done") + count,
        parts=F("parts") + 1,
        size=F("size") + size,
    )
    export.cursor, export.parts = cursor, export.parts + 1
    if not is_running:
        delete_parts(export.directory, export.parts)
    yield is_running


def _count(export: UserExport, users: UserQuerySet) -> None:
    """Store the number of users; it stays unknown if counting them takes too long."""
    try:
        with transaction.atomic():
            export.total = users.order_by().count()
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
    else:
        advance(export, after={}, total=export.total)


USER_EXPORTS: Final = register_kind(
    JobKind(
        model=UserExport,
        name="user_export",
        topic=TOPIC,
        started=Tag.USER_EXPORT_STARTED,
        canceled=Tag.USER_EXPORT_CANCELED,
        finished=Tag.USER_EXPORT_FINISHED,
        rules=lambda _export: [may_export_users],
        process_page=_process_page,
    )
)
