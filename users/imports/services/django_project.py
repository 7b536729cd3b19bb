"""The users of another Django project, read from its database.

The database is only read, in one snapshot and in batches: its server refuses writes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.rows import dict_row

from users.imports.fields import ImportField

BATCH: Final = 1_000
CONNECT_SECONDS: Final = 10
DEFAULT_TABLE: Final = "auth_user"
ADDRESSES: Final = "account_emailaddress"
SOCIAL_ACCOUNTS: Final = "socialaccount_socialaccount"
# The columns of `AbstractUser`, and a common one, by the field that they are for.
COLUMNS: Final[Mapping[str, ImportField]] = {
    "email": ImportField.EMAIL,
    "username": ImportField.USERNAME,
    "name": ImportField.NAME,
    "first_name": ImportField.GIVEN_NAME,
    "last_name": ImportField.FAMILY_NAME,
    "password": ImportField.PASSWORD_HASH,
    "date_joined": ImportField.CREATED_AT,
}
SCHEMES: Final = ("postgres", "postgresql")
ROLES: Final = ("is_staff", "is_superuser")
# What a password in a URL cannot have as such (RFC 3986).
UNENCODED: Final = re.compile(r"[@/?#:\[\]\s]")


class ProjectError(Exception):
    """The database cannot be read, or has no such users; the text has no secrets."""


@dataclass(frozen=True, slots=True)
class Project:
    """A connection to the project's database, and the tables that it has."""

    connection: psycopg.Connection[Any]
    table: str
    columns: frozenset[str]
    # The table and the column of the users' groups, if there are groups.
    groups: tuple[str, str] | None
    has_addresses: bool
    has_social_accounts: bool

    def count_privileged(self) -> int:
        """Return the number of staff and superusers, whose roles are not taken."""
        flags = [sql.Identifier(name) for name in ROLES if name in self.columns]
        if not flags:
            return 0
        condition = sql.SQL(" OR ").join(flags)
        query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(self._table, condition)
        (number,) = self.connection.execute(query).fetchone() or (0,)
        return int(number)

    def social_accounts(self) -> list[tuple[str, int]]:
        """Return the numbers of allauth's social accounts by provider, which are not taken."""
        if not self.has_social_accounts:
            return []
        query = sql.SQL("SELECT provider, count(*) FROM {} GROUP BY provider ORDER BY provider")
        rows = self.connection.execute(query.format(sql.Identifier(SOCIAL_ACCOUNTS))).fetchall()
        return [(str(provider), int(number)) for provider, number in rows]

    def group_names(self) -> list[str]:
        """Return the names of the groups that have users."""
        if self.groups is None:
            return []
        table, _column = self.groups
        query = sql.SQL(
            "SELECT DISTINCT name FROM auth_group JOIN {} ON group_id = auth_group.id ORDER BY name"
        ).format(_identifier(table))
        return [str(name) for (name,) in self.connection.execute(query).fetchall()]

    def users(self) -> Iterator[dict[str, Any]]:
        """Yield the users by their ids: the columns, the names of groups, and the addresses."""
        columns = ["id", *self._known_columns()]
        selected = [sql.SQL("users.{0} AS {0}").format(sql.Identifier(name)) for name in columns]
        if self.groups is not None:
            table, column = self.groups
            selected.append(
                sql.SQL(
                    "ARRAY(SELECT name FROM auth_group JOIN {} AS members ON group_id = "
                    "auth_group.id WHERE members.{} = users.id ORDER BY name) AS groups"
                ).format(_identifier(table), sql.Identifier(column))
            )
        if self.has_addresses:
            selected.append(
                sql.SQL(
                    'ARRAY(SELECT jsonb_build_array(email, verified, "primary") FROM {} '
                    "WHERE user_id = users.id ORDER BY id) AS addresses"
                ).format(sql.Identifier(ADDRESSES))
            )
        query = sql.SQL("SELECT {} FROM {} AS users ORDER BY id").format(
            sql.SQL(", ").join(selected), self._table
        )
        with self.connection.cursor("users", row_factory=dict_row) as cursor:
            cursor.itersize = BATCH
            yield from cursor.execute(query)

    def _known_columns(self) -> Sequence[str]:
        return [name for name in (*COLUMNS, "is_active") if name in self.columns]

    @property
    def _table(self) -> sql.Identifier:
        return _identifier(self.table)


@contextmanager
def open_project(url: str, table: str = DEFAULT_TABLE) -> Iterator[Project]:
    """Connect to a project's database until the block ends. Raises `ProjectError`.

    ``table`` is that of the user model, by default Django's own.
    """
    scheme, separator, _rest = url.partition("://")
    if separator and scheme not in SCHEMES:
        raise ProjectError(
            "Only PostgreSQL is read: postgres://user@host/name. Of another database, export the "
            "users to a file and import it: see docs/moving-in.md."
        )
    if UNENCODED.search(_password_of(url)):
        # libpq would take a part of the password for the host, and name that in its error.
        raise ProjectError("Percent-encode the password in the URL, or give it by PGPASSWORD.")
    try:
        connection = psycopg.connect(
            url,
            connect_timeout=CONNECT_SECONDS,
            application_name="roster adopt",
            options="-c default_transaction_read_only=on",
        )
    except psycopg.ProgrammingError:
        # The text may quote the URL.
        raise ProjectError(
            "The URL of the database is malformed. Give postgres://user@host/name."
        ) from None
    except psycopg.Error as error:
        # Names the host, the user and the database.
        raise ProjectError(str(error).strip()) from None
    with connection:
        connection.read_only = True
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        try:
            yield _project(connection, table)
        except psycopg.Error as error:
            raise ProjectError(str(error).strip()) from None


def _identifier(table: str) -> sql.Identifier:
    """Return the identifier of a table, whose name may have the schema."""
    return sql.Identifier(*table.split("."))


def _password_of(url: str) -> str:
    """Return the password as it is written in a URL; empty without one."""
    credentials, _at, _host = url.partition("://")[2].rpartition("@")
    return credentials.partition(":")[2]


def _project(connection: psycopg.Connection[Any], table: str) -> Project:
    columns = _columns_of(connection, table)
    if not {"id", "password"} <= columns or not {"email", "username"} & columns:
        raise ProjectError(
            f"{table} is no table of users: it needs id, password, and email or username. "
            f"Tables that have them: {', '.join(_user_tables(connection)) or 'none'}."
        )
    members = f"{table}_groups"
    keys = _columns_of(connection, members) - {"id", "group_id"}
    has_groups = len(keys) == 1 and bool(_columns_of(connection, "auth_group"))
    return Project(
        connection,
        table,
        frozenset(columns),
        groups=(members, *keys) if has_groups else None,  # type: ignore[arg-type]  # of two
        has_addresses=_columns_of(connection, ADDRESSES)
        >= {"id", "user_id", "email", "verified", "primary"},
        has_social_accounts="provider" in _columns_of(connection, SOCIAL_ACCOUNTS),
    )


def _columns_of(connection: psycopg.Connection[Any], table: str) -> set[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute"
        " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        [table],
    )
    return {str(name) for (name,) in rows.fetchall()}


def _user_tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the tables that may be those of a user model."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = ANY (current_schemas(false))"
        " AND column_name IN ('id', 'password', 'last_login')"
        " GROUP BY table_name HAVING count(*) = 3 ORDER BY table_name LIMIT 20"
    )
    return [str(name) for (name,) in rows.fetchall()]
