"""PostgreSQL's extensions and function for `core.database.search`."""

from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations

# Declared IMMUTABLE although `unaccent` is only STABLE: its rules are a file, which could change.
# A SQL-standard body resolves names at creation, independent of a later search path.
FOLD = """
    CREATE FUNCTION roster_fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(
        lower(unaccent('unaccent'::regdictionary, normalize(' ' || $1 || ' ', NFKC))),
        '[^[:alnum:]]+', ' ', 'g'
    )
"""


class Migration(migrations.Migration):
    """Runs before any table with a searchable column is created."""

    initial = True
    run_before = [("accounts", "0001_initial")]  # noqa: RUF012 - as Django declares it
    operations = [  # noqa: RUF012 - as Django declares it
        TrigramExtension(),
        UnaccentExtension(),
        migrations.RunSQL(FOLD, "DROP FUNCTION roster_fold(text)"),
    ]
