"""Privileges of the service's database role.

The owner (`MIGRATION_DATABASE_URL`) creates and alters the tables. The service (`DATABASE_URL`)
reads and writes rows, but may neither update nor delete rows of `AppendOnly` models. If both
URLs name the same role, these functions do nothing; otherwise call them within `as_owner`.
"""

from django.apps import apps
from django.conf import settings
from django.core.management import CommandError
from django.db import connection, transaction

from core.database.append_only import AppendOnly


def check_service_role() -> None:
    """Raise `CommandError` unless the service's role exists and cannot act as the owner.

    A superuser can act as the owner, and so can a member of the owner's role.
    """
    if not _has_separate_owner():
        return
    role = settings.DATABASES["default"]["USER"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %s",
            [role],
        )
        found = cursor.fetchone()
    if found is None:
        name = connection.ops.quote_name(role)
        raise CommandError(
            "DATABASE_URL: its role does not exist; create it with the password in the URL: "
            f"CREATE ROLE {name} LOGIN PASSWORD '…';"
        )
    if found[0]:
        raise CommandError(
            "DATABASE_URL: its role is a superuser or a member of the owner's role, so it could "
            "change append-only tables; see docs/deployment.md"
        )


def grant_to_service() -> None:
    """Reset the privileges of the service's role on the owner's tables.

    New tables have no grants, so this follows every migration.
    """
    if not _has_separate_owner():
        return
    append_only = {
        model._meta.db_table for model in apps.get_models() if issubclass(model, AppendOnly)
    }
    quote = connection.ops.quote_name
    role = quote(settings.DATABASES["default"]["USER"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_schema, relname, relispartition FROM pg_class"
            " WHERE relnamespace = current_schema::regnamespace AND relkind IN ('r', 'p')"
            " AND pg_get_userbyid(relowner) = current_user"
        )
        tables = cursor.fetchall()
        for schema in {schema for schema, _table, _is_partition in tables}:
            cursor.execute(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {role}")
        for schema, table, is_partition in tables:
            name = f"{quote(schema)}.{quote(table)}"
            cursor.execute(f"REVOKE ALL ON {name} FROM {role}")
            if is_partition:
                # It is accessed through its table only, whose privileges are those of the model.
                continue
            privileges = (
                "SELECT, INSERT" if table in append_only else "SELECT, INSERT, UPDATE, DELETE"
            )
            cursor.execute(f"GRANT {privileges} ON {name} TO {role}")


def _has_separate_owner() -> bool:
    return bool(settings.MIGRATION_DATABASE["USER"] != settings.DATABASES["default"]["USER"])
