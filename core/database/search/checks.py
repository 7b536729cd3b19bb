"""System check of what the search needs of the database."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import connections

from core.database.search.texts import NAMES

# Has built-in collations, for names without ICU, and random numbers of a range, for versions.
OLDEST = 17_00_00
# `pg_trgm` takes what the locale of the database calls a letter.
FACTS = """
    SELECT
        current_setting('server_encoding'),
        current_setting('server_version_num')::integer,
        (SELECT datctype FROM pg_database WHERE datname = current_database())
"""
VERSIONS = """
    SELECT collversion, pg_collation_actual_version(oid)
    FROM pg_collation WHERE collname = %s AND collprovider = 'i'
"""


class Facts(NamedTuple):
    """What a database can do with text."""

    encoding: str
    version: int
    ctype: str
    # Of ICU: when the collation of names was created, and now.
    versions: tuple[str | None, str | None] | None = None


def search_has_letters(
    databases: Sequence[str] | None = None, **_arguments: Any
) -> list[CheckMessage]:
    """Return what keeps databases from folding, ordering and finding names of all scripts."""
    return [message for alias in databases or () for message in problems_of(_facts_of(alias))]


def problems_of(facts: Facts) -> Iterator[CheckMessage]:
    """Yield the problems of a database."""
    if facts.encoding != "UTF8":
        yield Error(
            f"The database's encoding is {facts.encoding}, which has no names of all scripts.",
            hint="Create it with ENCODING 'UTF8' TEMPLATE template0.",
            id="roster.E003",
        )
    if facts.version < OLDEST:
        yield Error(
            f"PostgreSQL {facts.version // 10_000} is too old.",
            hint="Use PostgreSQL 17 or newer.",
            id="roster.E004",
        )
    if facts.ctype in {"C", "POSIX"}:
        yield CheckWarning(
            f"The database's locale is {facts.ctype}: searches for names in other than Latin "
            "letters find them but read all users, because pg_trgm knows no other letters.",
            hint="Create it with LC_CTYPE 'C.UTF-8'; see docs/deployment.md.",
            id="roster.W008",
        )
    if facts.versions and facts.versions[0] != facts.versions[1]:
        then, now = facts.versions
        yield CheckWarning(
            f"ICU is {now}, but the collation {NAMES} was created with {then}, so lists by name "
            "may miss rows.",
            hint=f"REINDEX DATABASE; ALTER COLLATION {NAMES} REFRESH VERSION;",
            id="roster.W009",
        )


def _facts_of(alias: str) -> Facts:
    with connections[alias].cursor() as cursor:
        cursor.execute(FACTS)
        facts = Facts(*cursor.fetchone())
        cursor.execute(VERSIONS, [NAMES])
        return facts._replace(versions=cursor.fetchone())
