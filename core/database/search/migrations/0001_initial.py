"""What PostgreSQL needs for `core.database.search`."""

from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations

# Says IMMUTABLE of `unaccent`, which is not, because its rules are a file that could change.
# With the body in this form PostgreSQL resolves the names once, whatever the search path later.
FOLD = """
    CREATE FUNCTION roster_fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(
        lower(unaccent('unaccent'::regdictionary, normalize(' ' || $1 || ' ', NFKC))),
        '[^[:alnum:]]+', ' ', 'g'
    )
"""


class Migration(migrations.Migration):
    """Before any table that has a column to search."""

    initial = True
    run_before = [("accounts", "0001_initial")]  # noqa: RUF012 - as Django declares it
    operations = [  # noqa: RUF012 - as Django declares it
        TrigramExtension(),
        UnaccentExtension(),
        migrations.RunSQL(FOLD, "DROP FUNCTION roster_fold(text)"),
    ]
