"""Writing users to a file, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final
from uuid import UUID

from engine.sql.filtered_page import first_rows
from users.accounts.models import UserQuerySet
from users.exports.columns import read_rows
from users.exports.formats import ExportFormat

# Users in memory.
BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Written:
    """Users that were written, and the last of them."""

    count: int
    cursor: UUID


def write_users(
    file: IO[bytes],
    users: UserQuerySet,
    *,
    columns: Sequence[str],
    file_format: ExportFormat,
    after: UUID | None,
) -> Iterator[Written]:
    """Write the users after a key in id order, and yield after each batch."""
    users = users.order_by("pk")
    while True:
        page = users if after is None else users.filter(pk__gt=after)
        rows = read_rows(first_rows(page, BATCH), columns)
        if not rows:
            return
        file.write(file_format.lines(row for _key, row in rows))
        after = rows[-1][0]
        yield Written(len(rows), after)
        if len(rows) < BATCH:
            return
