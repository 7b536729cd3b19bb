"""PostgreSQL enforces the append-only audit trail by the privileges of the service's role."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.db.transaction import TransactionManagementError

from core.database.append_only import AppendOnly
from core.database.ids import new_id
from core.database.roles.owner import as_owner
from core.dev.embedded import services
from core.security.actor import ANONYMOUS
from tests.support.celery_workers import Workers
from tests.support.client import run_concurrently
from tests.support.service_processes import environ_of_tests
from users.accounts.models import User
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.tags import Tag

TABLE = "activity_event"
OTHER_CONNECTIONS = """
    SELECT DISTINCT usename FROM pg_stat_activity
    WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
"""
CAN_UPDATE = f"SELECT has_any_column_privilege('{TABLE}', 'UPDATE')"


def sql(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def rights() -> dict[str, set[str]]:
    """Return the privileges of the current role by table."""
    found: dict[str, set[str]] = {
        table: set()
        for (table,) in sql(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = current_schema::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition"
        )
    }
    for table, right in sql(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE table_schema = current_schema AND grantee = current_user"
    ):
        found[table].add(right)
    return found


def service() -> str:
    role: str = settings.DATABASES["default"]["USER"]
    return role


@pytest.fixture
def event(db: None) -> Event:
    return record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)


@pytest.mark.parametrize(
    "change",
    [
        lambda: Event.objects.update(tag=Tag.LOGGED_OUT),
        lambda: Event.objects.get().save(),
        lambda: Event.objects.all().delete(),
        lambda: Event.objects.get().delete(),
        lambda: Event.objects.select_for_update().get(),
        lambda: sql(f"UPDATE {TABLE} SET data = '{{}}'"),  # noqa: S608 - a constant
        lambda: sql(f"DELETE FROM {TABLE}"),  # noqa: S608 - a constant
        lambda: sql(f"TRUNCATE {TABLE} CASCADE"),
        lambda: sql(f"DROP TABLE {TABLE} CASCADE"),
        lambda: sql(f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL"),
        lambda: (sql(f"GRANT UPDATE ON {TABLE} TO {service()}"), Event.objects.update(data={})),
        lambda: sql(f"SET ROLE {settings.MIGRATION_DATABASE['USER']}"),
    ],
    ids=[
        *("update", "save", "delete all", "delete one", "lock", "UPDATE", "DELETE", "TRUNCATE"),
        *("DROP", "ALTER", "GRANT", "SET ROLE"),
    ],
)
def test_service_cannot_change_events(event: Event, change: Callable[[], object]) -> None:
    before = sql(f"SELECT * FROM {TABLE}")  # noqa: S608 - a constant

    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(),
    ):
        change()

    assert len(before) == 1
    assert sql(f"SELECT * FROM {TABLE}") == before  # noqa: S608 - a constant


def test_service_role_has_least_privilege(db: None) -> None:
    append_only = {
        model._meta.db_table for model in apps.get_models() if issubclass(model, AppendOnly)
    }

    assert TABLE in append_only
    assert rights() == {
        table: {"SELECT", "INSERT"} | (set() if table in append_only else {"UPDATE", "DELETE"})
        for table in connection.introspection.table_names()
    }


def test_tests_run_as_the_unprivileged_service_role(db: None) -> None:
    assert sql(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls"
        " FROM pg_roles WHERE rolname = current_user"
    ) == [(service(), False, False, False, False)]
    assert service() != settings.MIGRATION_DATABASE["USER"]


@pytest.mark.usefixtures("transactional_db", "mails")
def test_worker_runs_as_the_service_role(workers: Workers) -> None:
    with workers.running(), transaction.atomic():
        # Blocks the worker's connection, so that it can be inspected.
        sql(f"LOCK TABLE {User._meta.db_table}")
        # On another connection, as this one does not commit before.
        run_concurrently(
            partial(record, Tag.FACTOR_ADDED, actor=ANONYMOUS, subject_id=new_id(), method="totp")
        )
        # The first worker of a run has to wait for imports until here.
        deadline = time.monotonic() + 60
        while not (roles := sql(OTHER_CONNECTIONS)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
            sql("SELECT pg_stat_clear_snapshot()")

    assert roles == [(service(),)]
    assert "MIGRATION_DATABASE_URL" not in environ_of_tests()


# Migrating -------------------------------------------------------------------------------


@pytest.fixture
def new_table(transactional_db: None) -> Iterator[str]:
    with as_owner():
        sql("CREATE TABLE brand_new (id integer)")
    yield "brand_new"
    with as_owner():
        sql("DROP TABLE brand_new")


def test_migrate_grants_and_revokes_privileges(new_table: str) -> None:
    with as_owner():
        sql(f"GRANT UPDATE, TRUNCATE, TRIGGER ON {TABLE} TO {service()}")
        sql(f"GRANT UPDATE (data) ON {TABLE} TO {service()}")
    assert rights()[new_table] == set()
    assert sql(CAN_UPDATE) == [(True,)]

    call_command("migrate", verbosity=0)

    assert rights()[new_table] == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert rights()[TABLE] == {"SELECT", "INSERT"}
    assert sql(CAN_UPDATE) == [(False,)]
    assert sql("SELECT current_user") == [(service(),)]


def test_migrate_plan_grants_nothing(new_table: str) -> None:
    call_command("migrate", plan=True, verbosity=0)
    call_command("migrate", check_unapplied=True, verbosity=0)

    assert rights()[new_table] == set()


def test_flush_runs_as_the_owner(transactional_db: None) -> None:
    record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)

    call_command("flush", verbosity=0, interactive=False)

    assert not Event.objects.exists()
    assert sql("SELECT current_user") == [(service(),)]


def test_migrate_without_the_service_role_explains_how_to_create_it(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setitem(settings.DATABASES["default"], "USER", "other-role")
        other.setitem(settings.DATABASES["default"], "PASSWORD", "hunter2")
        with pytest.raises(CommandError) as refused:
            call_command("migrate", verbosity=0)

    message = str(refused.value)
    assert message.startswith("DATABASE_URL: its role does not exist; create it")
    assert message.endswith("""CREATE ROLE "other-role" LOGIN PASSWORD '…';""")
    assert "\n" not in message
    assert "hunter2" not in message


@pytest.fixture
def member(transactional_db: None) -> Iterator[str]:
    """A role that is a member of the owner's."""
    # Roles belong to the whole server, which pytest processes share.
    name = f"member_of_{settings.DATABASES['default']['NAME']}"
    with as_owner():
        sql(f"CREATE ROLE {name} LOGIN IN ROLE {settings.MIGRATION_DATABASE['USER']}")
    yield name
    with as_owner():
        sql(f"DROP ROLE {name}")


def test_member_of_the_owner_role_is_refused(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as other:
        other.setitem(settings.DATABASES["default"], "USER", member)
        with pytest.raises(CommandError, match="a superuser or a member of the owner's"):
            call_command("migrate", verbosity=0)


def test_single_role_is_kept_with_a_warning(
    new_table: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warnings(*, deploy: bool) -> list[str | None]:
        return [found.id for found in run_checks(include_deployment_checks=deploy)]

    assert "roster.W002" not in warnings(deploy=True)
    with as_owner(), monkeypatch.context() as one:
        one.setitem(settings.DATABASES["default"], "USER", settings.MIGRATION_DATABASE["USER"])
        assert "roster.W002" in warnings(deploy=True)
        assert "roster.W002" not in warnings(deploy=False)
        call_command("migrate", verbosity=0)
    assert rights()[new_table] == set()


def test_owner_role_is_refused_inside_a_transaction(event: Event) -> None:
    with pytest.raises(TransactionManagementError), as_owner():
        pass

    assert Event.objects.get() == event


# The embedded server ---------------------------------------------------------------------


def embedded(data_dir: Path, program: str) -> str:
    """Run a Python program with its own server; return its output."""
    names = {"DATABASE_URL", "MIGRATION_DATABASE_URL"}
    environ = {name: os.environ[name] for name in os.environ if name not in names}
    result = subprocess.run(
        [sys.executable, "-m", "core.dev.embedded", sys.executable, "-c", program],
        env=environ | {"DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_embedded_server_creates_both_roles(tmp_path: Path) -> None:
    embedded(
        tmp_path,
        """
import os, psycopg
with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"]) as as_owner:
    as_owner.execute("DROP ROLE roster")
""",
    )
    # Now a data directory like those of versions without the role.
    printed = embedded(
        tmp_path,
        """
import os, psycopg, json
query = '''
    SELECT current_user, current_database(), rolsuper
    FROM pg_roles WHERE rolname = current_user
'''
for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
    with psycopg.connect(os.environ[name]) as connection:
        print(json.dumps(connection.execute(query).fetchone()))
""",
    )

    assert [json.loads(line) for line in printed.splitlines()] == [
        ["roster", "roster", False],
        ["postgres", "roster", True],
    ]


def test_documented_roles_suffice(tmp_path: Path) -> None:
    """Create the roles as a managed server's administrator, who is not a superuser."""
    deployment = Path("docs/deployment.md").read_text(encoding="utf-8")
    [documented] = re.findall(r"```sql\n(CREATE ROLE.*?)```", deployment, re.DOTALL)
    with services(tmp_path, {"REDIS_URL": "redis://unused"}) as urls:
        superuser = urls["MIGRATION_DATABASE_URL"]
        with psycopg.connect(superuser, dbname="postgres", autocommit=True) as server:
            server.execute("DROP DATABASE roster")
            server.execute("DROP ROLE roster")
            server.execute("CREATE ROLE administrator LOGIN CREATEROLE CREATEDB")
        administrator = superuser.replace("postgres@", "administrator@")
        with psycopg.connect(administrator, dbname="postgres", autocommit=True) as server:
            for statement in documented.strip().removesuffix(";").split(";"):
                server.execute(statement)
        owner = superuser.replace("postgres@", "roster_owner@")
        migrate = [sys.executable, "-W", "ignore", "manage.py", "migrate", "--verbosity", "0"]
        environ = os.environ | urls | {"MIGRATION_DATABASE_URL": owner}
        for _time in range(2):
            subprocess.run(migrate, env=environ, check=True)

        with psycopg.connect(urls["DATABASE_URL"]) as connection:
            found = [
                connection.execute("SELECT has_table_privilege(%s, %s)", [TABLE, right]).fetchone()
                for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
            ]
    assert found == [(True,), (True,), (False,), (False,), (False,)]


def test_external_database_gets_no_owner_role(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://me@db/roster", "REDIS_URL": "redis://cache"}

    with services(tmp_path, given) as urls:
        assert urls == {}
