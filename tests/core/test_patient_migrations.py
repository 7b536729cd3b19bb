"""Migrations that wait for a lock hold up no reader for long, and are repeated."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently as DjangoAddIndexConcurrently
from django.db import OperationalError, connection
from django.db.migrations import AddIndex, Migration, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from core.database.roles.owner import as_owner
from core.database.schema_changes import executor as executors
from core.database.schema_changes import operations
from core.database.schema_changes.executor import PatientExecutor
from core.database.schema_changes.operations import AddTableIndexConcurrently
from tests.support.client import GraphQLClient
from tests.support.factories import make_token, make_user
from tests.support.other_connections import locked_elsewhere
from tests.support.waiting import wait_until

READ_USERS = "SELECT count(*) FROM accounts_user"
INDEX = AddTableIndexConcurrently("probe_index", "accounts_user", ["name"])


def migration_of(*steps: Operation, atomic: bool = True) -> Migration:
    of_steps = type("Migration", (Migration,), {"operations": list(steps), "atomic": atomic})
    migration: Migration = of_steps("9999_probe", "accounts")
    return migration


def apply_and_unapply(migration: Migration) -> bool:
    """Apply the migration as the owner; return whether an index that it built was valid."""
    try:
        with as_owner():
            executor = PatientExecutor(connection)
            executor.apply_migration(ProjectState(), migration)
            is_valid = index_is_valid()
            executor.unapply_migration(ProjectState(), migration)
            return is_valid == (True,)
    finally:
        connection.close()


def index_is_valid() -> tuple[bool] | None:
    with connection.cursor() as cursor:
        cursor.execute(operations.IS_VALID, ["probe_index"])
        row: tuple[bool] | None = cursor.fetchone()
    return row


@pytest.fixture
def migrate(transactional_db: None) -> Iterator[Callable[[Migration], Future[bool]]]:
    """Return a function that applies a migration in another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda migration: pool.submit(apply_and_unapply, migration)


@pytest.fixture
def attempts(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], int]:
    """Return a function that counts attempts without a lock."""
    monkeypatch.setattr(executors, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(executors, "FIRST_PAUSE", 0.1)
    caplog.set_level(logging.WARNING, executors.logger.name)
    return lambda: sum(record.name == executors.logger.name for record in caplog.records)


def test_reads_go_on_while_a_migration_waits_for_an_open_transaction(
    migrate: Callable[[Migration], Future[bool]], attempts: Callable[[], int]
) -> None:
    alice = GraphQLClient(make_token(make_user("alice")))
    alter = RunSQL(
        "ALTER TABLE accounts_user ADD COLUMN probe int", "ALTER TABLE accounts_user DROP probe"
    )
    with locked_elsewhere(READ_USERS):
        migration = migrate(migration_of(alter))
        while attempts() < 3:
            assert alice("{ me { username } }").data == {"me": {"username": "alice"}}
        assert not migration.done()
    migration.result(60)


def test_a_migration_that_gets_no_lock_fails_in_the_end(
    migrate: Callable[[Migration], Future[bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "PATIENCE", 0)
    with locked_elsewhere("LOCK TABLE accounts_user IN ACCESS SHARE MODE"):
        migration = migrate(migration_of(RunSQL("LOCK TABLE accounts_user")))
        with pytest.raises(OperationalError, match="lock timeout"):
            migration.result(60)


def test_a_lock_held_by_a_vacuum_is_waited_for_until_postgresql_cancels_it(
    transactional_db: None,
) -> None:
    with as_owner():
        executor = PatientExecutor(connection)
        assert not executor._is_vacuumed()  # noqa: SLF001
        with locked_elsewhere("LOCK TABLE accounts_user IN SHARE UPDATE EXCLUSIVE MODE"):
            assert executor._is_vacuumed()  # noqa: SLF001


@pytest.mark.usefixtures("attempts")
def test_an_index_whose_build_was_cut_is_built_again(
    migrate: Callable[[Migration], Future[bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "BUILD_LOCK_TIMEOUT", "10ms")
    with locked_elsewhere("UPDATE accounts_user SET name = name"):
        migration = migrate(migration_of(INDEX, atomic=False))
        wait_until(lambda: index_is_valid() == (False,))
    assert migration.result(60)
    assert index_is_valid() is None


def test_an_index_that_was_built_is_kept(transactional_db: None) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE INDEX probe_index ON accounts_user (name)")
        cursor.execute("SELECT 'probe_index'::regclass::oid")
        before = cursor.fetchone()
        with connection.schema_editor(atomic=False) as editor:
            INDEX.database_forwards("accounts", editor, ProjectState(), ProjectState())
        cursor.execute("SELECT 'probe_index'::regclass::oid")
        assert cursor.fetchone() == before
        cursor.execute("DROP INDEX probe_index")


def test_every_index_is_built_by_the_repeatable_operation() -> None:
    """Only an app's first migration runs on empty tables."""
    all_migrations = MigrationLoader(None).disk_migrations.values()
    ours = [each for each in all_migrations if each.__module__.startswith(("core.", "users."))]
    assert ours
    for migration in ours:
        kinds = {type(operation) for operation in migration.operations}
        assert DjangoAddIndexConcurrently not in kinds, migration
        assert migration.initial or AddIndex not in kinds, migration
        for operation in migration.operations:
            sql = getattr(operation, "sql", "")
            first, *others = sql if isinstance(sql, list) else [str(sql)]
            # An index of an expression over another app's table is dropped first.
            is_repeatable = others and first.startswith("DROP INDEX CONCURRENTLY IF EXISTS")
            assert is_repeatable or "CONCURRENTLY" not in first.upper(), migration
