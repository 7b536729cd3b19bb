"""Writing a batch of rows: new users at once, existing ones one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

from core.database.locks import wait_for_lock
from core.security.actor import Actor
from users.accounts.models import User
from users.imports.errors import RowError
from users.imports.models import UserImport
from users.imports.readers import Record
from users.imports.services.change import COMPARED, change_user
from users.imports.services.clean import Row, clean, external_id_of
from users.imports.services.create import create_users
from users.imports.services.directory import Directory

# After which no further user is changed, so that none is locked for long.
BATCH_SECONDS: Final = 1.0
# Key of the advisory lock that serialises batches of concurrent imports, which could deadlock; an
# arbitrary number that nothing else uses.
IMPORTS: Final = 4_616_287_301_882_711


@dataclass(slots=True)
class Outcome:
    """What became of the first records of a batch, and how many they are."""

    records: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    # The line, the external id, and the error of each.
    skipped: list[tuple[int, str, RowError]] = field(default_factory=list)
    new_organizations: list[str] = field(default_factory=list)
    # Whether a batch of more rows would take too long.
    is_slow: bool = False

    def skip(self, record: Record, error: RowError) -> None:
        """Note a skipped row."""
        self.skipped.append((record.line, external_id_of(record), error))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A valid row, and the existing user to change, None for a new one."""

    row: Row
    user_id: UUID | None


def write_batch(records: Sequence[Record], user_import: UserImport, *, actor: Actor) -> Outcome:
    """Import records in the caller's transaction, the first at least.

    Those after the change at which the time was up are left for the next batch.
    """
    rows = [_clean(record, user_import.source) for record in records]
    wait_for_lock(IMPORTS)
    ends_at = monotonic() + BATCH_SECONDS
    directory = Directory.of([row for row in rows if isinstance(row, Row)], user_import)
    placed = [_place(row, directory) if isinstance(row, Row) else row for row in rows]
    users = _users(placed, directory)
    outcome = Outcome()
    new: list[Row] = []
    existing: set[UUID] = set()
    for record, each in zip(records, placed, strict=True):
        outcome.records += 1
        if isinstance(each, RowError):
            outcome.skip(record, each)
            continue
        try:
            if each.user_id is None:
                directory.begin_writing(each.row)
                new.append(each.row)
                outcome.created += 1
                continue
            if directory.lacks_organization(each.row):
                # Its owner has one of the earlier rows.
                create_users(new, directory, user_import, actor=actor)
                new = []
            existing.add(each.user_id)
            user = users.get(each.user_id)
            is_changed = change_user(each.row, user, directory, user_import, actor=actor)
            outcome.changed += is_changed
            outcome.unchanged += not is_changed
        except RowError as error:
            outcome.skip(record, error)
        if monotonic() >= ends_at:
            break
    create_users(new, directory, user_import, actor=actor)
    directory.note_import(user_import, existing)
    directory.write_digests()
    outcome.new_organizations = directory.new_organizations
    outcome.is_slow = monotonic() >= ends_at
    return outcome


def _clean(record: Record, source: str) -> Row | RowError:
    try:
        return clean(record, source)
    except RowError as error:
        return error


def _place(row: Row, directory: Directory) -> _Placed | RowError:
    try:
        return _Placed(row, directory.place(row))
    except RowError as error:
        return error


def _users(placed: Sequence[_Placed | RowError], directory: Directory) -> dict[UUID, User]:
    """Return the existing users, locked unless their row is the same as the last time."""
    same: list[UUID] = []
    other: list[UUID] = []
    for each in placed:
        if isinstance(each, _Placed) and each.user_id is not None:
            is_same = directory.is_unchanged(each.row, each.user_id)
            (same if is_same else other).append(each.user_id)
    users = User.objects.in_bulk(same)
    # Deadlock order: users by their ids. What they have is read after the lock, not joined, because
    # joined rows would be those before it.
    locked = User.objects.filter(pk__in=other).order_by("pk").select_for_update()
    for user in locked.prefetch_related(*COMPARED):
        users[user.pk] = user
    return users
