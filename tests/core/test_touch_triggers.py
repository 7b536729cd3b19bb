"""The database has the declared triggers; the owner can disable them and migrate back."""

from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from core.database.roles.grants import grant_to_service
from core.database.roles.owner import as_owner
from core.versions.touches import (
    TouchesNothing,
    declared_tables,
    expected_triggers,
    found_triggers,
    without_touches,
)
from tests.support.factories import make_organization, make_user
from tests.support.versions import touched_by, version
from users.accounts.models import User


def test_the_database_has_the_declared_triggers(db: None) -> None:
    assert found_triggers() == expected_triggers()


def test_every_table_is_declared_once() -> None:
    tables = [each.model for each in declared_tables()]
    assert len(tables) == len(set(tables))


def test_every_exception_has_a_reason_and_names_a_field() -> None:
    for each in declared_tables():
        if isinstance(each, TouchesNothing):
            assert each.reason
        else:
            fields = {field.name for field in each.model._meta.concrete_fields}
            assert each.hidden.keys() <= fields
            assert all(each.hidden.values())


def test_the_service_cannot_disable_triggers(db: None) -> None:
    with (
        pytest.raises(ProgrammingError, match="must be owner"),
        transaction.atomic(),
        without_touches([User]),
    ):
        pass
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE versions_versionpart")


@pytest.mark.usefixtures("transactional_db")
def test_without_touches_ends_with_the_block() -> None:
    user = make_user("alice")
    with as_owner(), transaction.atomic():
        with without_touches([User]):
            assert found_triggers() != expected_triggers()
            off = touched_by(lambda: User.objects.filter(pk=user.pk).update(name="off"))
        with transaction.atomic():
            on = touched_by(lambda: User.objects.filter(pk=user.pk).update(name="on"))

    assert (off, on) == (set(), {user.pk})
    assert found_triggers() == expected_triggers()


def migrate(*targets: tuple[str, str | None]) -> None:
    """Migrate, and grant what the service and the tests have, also on tables created again."""
    role = connection.ops.quote_name(connection.settings_dict["USER"])
    with as_owner(), connection.cursor() as cursor:
        executor = MigrationExecutor(connection)
        executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())
        grant_to_service()
        cursor.execute(f"GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {role}")


@pytest.mark.usefixtures("transactional_db")
def test_migrations_are_reversible() -> None:
    alice = make_user("alice")
    organization = make_organization("Archers", alice)

    def change() -> set[UUID]:
        return touched_by(lambda: User.objects.update(name=str(uuid4())))

    try:
        migrate(("organizations", "0003_canonical_emails"), ("activity", "0004_labels"))
        assert change() == {alice.pk}
        migrate(("accounts", "0019_sign_up_email"))
        assert found_triggers() == {}
        assert change() == set()
        migrate(("versions", None))
        User.objects.update(name="")
        with pytest.raises(DatabaseError, match="does not exist"):
            version(alice.pk)
    finally:
        migrate()

    assert found_triggers() == expected_triggers()
    assert change() == {alice.pk, organization.pk}
