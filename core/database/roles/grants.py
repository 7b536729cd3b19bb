"""What the service may do with the tables.

The owner (`MIGRATION_DATABASE_URL`) makes and changes them. The service (`DATABASE_URL`) reads
and writes rows, but of `AppendOnly` models it can neither change nor remove any. If both are
one role, nothing here does anything. Otherwise it is for the owner to do, `as_owner`.
"""

from django.apps import apps
from django.conf import settings
from django.core.management import CommandError
from django.db import connection, transaction

from core.database.append_only import AppendOnly


def check_service_role() -> None:
    """Fail unless the service's role exists and cannot act as the owner.

    A superuser can, and so can a member of the owner's role.
    """
    if not _are_two():
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
            "DATABASE_URL: its role does not exist; create it, with the password given there: "
            f"CREATE ROLE {name} LOGIN PASSWORD '…';"
        )
    if found[0]:
        raise CommandError(
            "DATABASE_URL: its role is a superuser or a member of the owner's, so it could change "
            "what is append-only; see docs/deployment.md"
        )


def grant_to_service() -> None:
    """Give the service's role its rights on the owner's tables, and no others.

    New tables have none yet, so this follows every migration.
    """
    if not _are_two():
        return
    append_only = {
        model._meta.db_table for model in apps.get_models() if issubclass(model, AppendOnly)
    }
    quote = connection.ops.quote_name
    role = quote(settings.DATABASES["default"]["USER"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname = current_schema AND tableowner = current_user"
        )
        tables = cursor.fetchall()
        for schema in {schema for schema, _table in tables}:
            cursor.execute(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {role}")
        for schema, table in tables:
            name = f"{quote(schema)}.{quote(table)}"
            rights = "SELECT, INSERT" if table in append_only else "SELECT, INSERT, UPDATE, DELETE"
            cursor.execute(f"REVOKE ALL ON {name} FROM {role}")
            cursor.execute(f"GRANT {rights} ON {name} TO {role}")


def _are_two() -> bool:
    return bool(settings.MIGRATION_DATABASE["USER"] != settings.DATABASES["default"]["USER"])
