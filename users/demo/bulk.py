"""Bulk loading with `COPY`, into tables whose indexes are rebuilt afterwards."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, models, transaction

from core.database.copies import copy_statement
from users.accounts.models import Invitation, LastSeen, Profile, User
from users.activity.models import Event, EventDetails, PendingCount
from users.authentication.models import ApiToken, Passkey, Session, Suspension
from users.demo.rows import Rows
from users.organizations.models import Membership

# The attribute of `Rows`, its model and its columns.
TABLES: Final[Sequence[tuple[str, type[models.Model], str]]] = (
    (
        "users",
        User,
        (
            "id username email email_verified_at name password is_active is_staff is_superuser "
            "is_public date_joined second_factors"
        ),
    ),
    ("profiles", Profile, "user_id bio website locale time_zone"),
    ("last_seen", LastSeen, "user_id at"),
    ("groups", User.groups.through, "user_id group_id"),
    ("memberships", Membership, "id organization_id user_id role created_at"),
    (
        "sessions",
        Session,
        (
            "id user_id user_agent ip created_at last_seen_at expires_at "
            "authenticated_at methods aal factor_at"
        ),
    ),
    (
        "passkeys",
        Passkey,
        (
            "id user_id name credential_id public_key sign_count aaguid is_syncable is_backed_up "
            "created_at last_used_at"
        ),
    ),
    (
        "api_tokens",
        ApiToken,
        "id user_id name digest scopes created_at expires_at last_used_at",
    ),
    ("invitations", Invitation, "nonce expires_at email name locale"),
    ("suspensions", Suspension, "user_id reason until created_at"),
    ("events", Event, "id tag actor_id subject_id organization_id data details_digest created_at"),
    ("event_details", EventDetails, "event_id salt values"),
    ("pending_counts", PendingCount, "name day"),
)
# Seconds.
SWITCH_INTERVAL: Final = 0.000_2
MODELS: Final = tuple(model for _attribute, model, _columns in TABLES)

# Statements that drop and create each constraint and index, in order of creation: foreign keys
# require unique constraints.
DEFINITIONS: Final = """
    SELECT
        format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
        format(
            'ALTER TABLE %%s ADD CONSTRAINT %%I %%s',
            conrelid::regclass, conname, pg_get_constraintdef(oid)
        ),
        contype = 'f'
    FROM pg_constraint
    WHERE conrelid = ANY (%(tables)s::regclass[]) AND contype IN ('u', 'x', 'f')
    UNION ALL
    -- `ONLY` would create the index of a partitioned table, but not those of its partitions.
    SELECT
        format('DROP INDEX %%s', indexrelid::regclass),
        replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON '),
        false
    FROM pg_index
    WHERE indrelid = ANY (%(tables)s::regclass[]) AND NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conindid = indexrelid AND conrelid = indrelid AND contype IN ('p', 'u', 'x')
    )
    ORDER BY 3, 2
"""

Progress = Callable[[int, int], object]


@contextmanager
def without_indexes(
    tables: Iterable[type[models.Model]], progress: Progress = lambda _done, _total: None
) -> Iterator[None]:
    """Drop the tables' indexes, unique constraints and foreign keys until the block ends.

    They are rebuilt under the same names and validated against the rows; ``progress`` is called
    with the number rebuilt and the total. Primary keys and check constraints remain. The block
    runs in one transaction, as the tables' owner, and holds exclusive locks on the tables.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        quote = connection.ops.quote_name
        identifiers = [quote(model._meta.db_table) for model in tables]
        cursor.execute(DEFINITIONS, {"tables": identifiers})
        definitions = cursor.fetchall()
        for drop, _create, _is_foreign in reversed(definitions):
            cursor.execute(drop)
        yield
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for done, (_drop, create, _is_foreign) in enumerate(definitions):
            progress(done, len(definitions))
            cursor.execute(create)
        progress(len(definitions), len(definitions))


def copy_chunks(chunks: Iterable[Rows]) -> Iterator[int]:
    """Copy chunks of a `Population`; yield the number of users copied so far.

    PostgreSQL loads a chunk while the next one is generated.
    """
    done = 0
    with (
        connection.cursor() as cursor,
        ThreadPoolExecutor(max_workers=1) as loader,
        _short_switch_interval(),
    ):
        loaded = loader.submit(int)
        for rows in chunks:
            done += loaded.result()
            loaded = loader.submit(copy_chunk, cursor, rows)
            yield done
        yield done + loaded.result()


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    """Reduce the GIL switch interval from its default of 5 ms.

    The copying thread needs the GIL whenever PostgreSQL has drained the socket's buffer.
    """
    default = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(default)


def copy_chunk(cursor: Any, rows: Rows) -> int:
    """Copy a chunk of a `Population`, bypassing the models; return its number of users."""
    for attribute, model, columns in TABLES:
        lines = "".join("\t".join(row) + "\n" for row in getattr(rows, attribute))
        with cursor.copy(copy_statement(model, columns.split())) as copy:
            copy.write(lines)
    return len(rows.users)
