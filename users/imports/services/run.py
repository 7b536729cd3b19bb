"""Running imports: a batch of rows is one transaction, which also moves the cursor."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils.text import Truncator

from core.errors import GenericErrorCode
from core.outbox.current import current_delivery
from core.security.actor import Actor
from users.accounts.policy import may_administer, may_administer_groups
from users.activity.tags import Tag
from users.imports.errors import RowError
from users.imports.models import BATCH_ROWS, VALUE_MAX_LENGTH, SkippedRow, UserImport
from users.imports.readers import Layout, Record, read_records
from users.imports.services.batch import Outcome, write_batch
from users.jobs.kinds import JobKind, register_kind
from users.jobs.services.run import advance

TOPIC: Final = "imports:turn"
# After which a batch of fewer than `BATCH_ROWS` ends.
BATCH_BYTES: Final = 4_000_000
# How many times smaller a batch is tried again that exceeded the task time limit, or ended with its
# worker.
RETRY_DIVISOR: Final = 10
# Organisations that later batches of a dry run know.
MAX_NEW_ORGANIZATIONS: Final = 10_000
# Skipped rows that are stored; others are counted only.
MAX_SKIPPED: Final = 10_000
CURSOR: Final = (
    *("offset", "line", "batch_size", "new_organizations"),
    *("done", "created", "unchanged", "failed"),
)


def _process_page(user_import: UserImport, actor: Actor) -> Iterator[bool]:
    """Import the next batch."""
    records = _next_records(user_import)
    if records:
        yield _process_records(user_import, records, actor=actor)


USER_IMPORTS: Final = register_kind(
    JobKind(
        model=UserImport,
        name="user_import",
        topic=TOPIC,
        started=Tag.USER_IMPORT_STARTED,
        canceled=Tag.USER_IMPORT_CANCELED,
        finished=Tag.USER_IMPORT_FINISHED,
        rules=lambda _user_import: [may_administer, may_administer_groups],
        process_page=_process_page,
    )
)


def _next_records(user_import: UserImport) -> list[Record]:
    """Return the records after the cursor: the import's batch size, and about `BATCH_BYTES`.

    They are fewer after each worker that was lost in this turn, for example by its memory. Nothing
    was written then; the batch that succeeds sets the size of the next one.
    """
    records: list[Record] = []
    delivery = current_delivery()
    lost = delivery.interruptions if delivery is not None else 0
    size = max(1, min(BATCH_ROWS, user_import.batch_size) // RETRY_DIVISOR**lost)
    layout = Layout.from_json(user_import.layout)
    with user_import.file.storage.open(str(user_import.file.name)) as file:
        for record in read_records(file, layout, offset=user_import.offset, line=user_import.line):
            records.append(record)
            if len(records) == size or record.end - user_import.offset >= BATCH_BYTES:
                break
    return records


def _process_records(user_import: UserImport, records: Sequence[Record], *, actor: Actor) -> bool:
    """Import the first of the records; return whether the import is still running.

    If PostgreSQL refuses, because a concurrent transaction took an identifier, fewer are tried: the
    first half. A single row is tried twice, then skipped.
    """
    is_retry = False
    while True:
        try:
            return _write(
                user_import, records, partial(write_batch, records, user_import, actor=actor)
            )
        except SoftTimeLimitExceeded:
            # The next attempt of this turn would exceed it, too.
            size = max(1, len(records) // RETRY_DIVISOR)
            UserImport.objects.filter(pk=user_import.pk, offset=user_import.offset).update(
                batch_size=size
            )
            raise
        except (IntegrityError, DataError, OperationalError) as error:
            is_final = len(records) == 1 and is_retry
            if _is_disconnected() or (is_final and isinstance(error, OperationalError)):
                raise
        if is_final:
            return _write(user_import, records, partial(_skip, records[0]))
        is_retry = len(records) == 1
        records = records[: max(1, len(records) // 2)]


def _skip(record: Record) -> Outcome:
    outcome = Outcome(records=1)
    outcome.skip(record, RowError(GenericErrorCode.CONFLICT))
    return outcome


def _is_disconnected() -> bool:
    return connection.connection is None or connection.connection.closed


def _write(
    user_import: UserImport, records: Sequence[Record], write: Callable[[], Outcome]
) -> bool:
    """Write records, the skipped ones, the counts and the cursor in one transaction.

    The next batch has as many rows if this one took its time, otherwise up to twice as many.
    """
    with transaction.atomic(durable=True):
        with transaction.atomic():
            outcome = write()
            transaction.set_rollback(user_import.is_dry_run)
        last = records[outcome.records - 1]
        is_running = advance(
            user_import,
            after={"offset": user_import.offset},
            offset=last.end,
            line=last.end_line,
            new_organizations=_new_organizations(user_import, outcome),
            batch_size=min(BATCH_ROWS, outcome.records * (1 if outcome.is_slow else 2)),
            done=F("done") + outcome.created + outcome.changed,
            created=F("created") + outcome.created,
            unchanged=F("unchanged") + outcome.unchanged,
            failed=F("failed") + len(outcome.skipped),
        )
        # Not before: an overtaken worker would conflict with the other one's.
        _write_skipped(user_import, outcome)
    user_import.refresh_from_db(fields=CURSOR)
    return is_running


def _new_organizations(user_import: UserImport, outcome: Outcome) -> list[str]:
    """Return the organisations of a dry run, which does not write them."""
    if not user_import.is_dry_run:
        return []
    names = dict.fromkeys([*user_import.new_organizations, *outcome.new_organizations])
    return list(names)[:MAX_NEW_ORGANIZATIONS]


def _write_skipped(user_import: UserImport, outcome: Outcome) -> None:
    """Store the skipped rows, as long as there is room."""
    room = max(0, MAX_SKIPPED - user_import.failed)
    SkippedRow.objects.bulk_create(
        SkippedRow(
            user_import=user_import,
            line=line,
            external_id=external_id,
            code=error.code,
            field=error.field,
            value=Truncator(error.value).chars(VALUE_MAX_LENGTH),
        )
        for line, external_id, error in sorted(outcome.skipped, key=itemgetter(0))[:room]
    )
