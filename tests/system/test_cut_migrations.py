"""Every migration can be run again after being cut anywhere."""

from typing import Any, cast

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from core.database.roles.owner import as_owner
from core.database.schema_changes.executor import PatientExecutor
from tests.support.fresh_databases import fresh_database

OURS = ("core.", "users.")
SCHEMA = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT concat_ws(' ', table_name, column_name, data_type, column_default, is_nullable)
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', app, name) FROM django_migrations
    ORDER BY 1
"""


class CutError(Exception):
    """The migration ends here, as if its process had died."""


class Cut(Operation):
    """An operation at which a migration is cut."""

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Cut the migration."""
        raise CutError


class CutExecutor(PatientExecutor):
    """Cuts migrations between their operations and before they are recorded.

    An atomic migration is one transaction with its record, so it is cut only at the end.
    """

    cuts_records = False

    def apply_cut_everywhere(self, state: ProjectState, migration: Migration) -> ProjectState:
        """Apply the migration after it was cut at each boundary, in turn."""
        steps = cast("list[Operation]", migration.operations)
        whole = [*steps]
        for end in () if migration.atomic else range(1, len(whole)):
            steps[:] = [*whole[:end], Cut()]
            with pytest.raises(CutError):
                self.apply_migration(state, migration)
        steps[:] = whole
        self.cuts_records = True
        with pytest.raises(CutError):
            self.apply_migration(state, migration)
        self.cuts_records = False
        return self.apply_migration(state, migration)

    # The stubs have the signature of an earlier Django.
    def record_migration(self, migration: Any) -> None:  # type: ignore[override]
        """Record the migration, unless it is to be cut."""
        if self.cuts_records:
            raise CutError
        super().record_migration(migration)  # type: ignore[call-arg]


def schema() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        return [row[0] for row in cursor.fetchall()]


def is_ours(migration: Migration) -> bool:
    return apps.get_app_config(migration.app_label).name.startswith(OURS)


@pytest.mark.usefixtures("transactional_db")
def test_every_migration_can_be_run_again_after_being_cut_anywhere() -> None:
    # The service sees no columns of partitions.
    with as_owner():
        expected = schema()
    with fresh_database():
        executor = CutExecutor(connection)
        executor.recorder.ensure_schema()
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        state = ProjectState(real_apps=executor.loader.unmigrated_apps)
        for migration, _backwards in plan:
            apply = (
                executor.apply_cut_everywhere if is_ours(migration) else executor.apply_migration
            )
            state = apply(state, migration)
        found = schema()

    assert found == expected
