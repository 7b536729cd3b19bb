"""Fold names of all scripts, whatever the locale of the database."""

from django.db import migrations

from core.database.search.characters import IDEOGRAPHS, IGNORED, MARKS

# The root collation of Unicode where the server has ICU, else that of code points.
CREATE_COLLATION = """
    DO $$
    BEGIN
        CREATE COLLATION roster_names (provider = icu, locale = 'und');
    EXCEPTION WHEN feature_not_supported THEN
        CREATE COLLATION roster_names (provider = builtin, locale = 'C.UTF-8');
    END
    $$
"""
# Of ASCII, most of it is left out. The acute accent U+00B4 would become a space by NFKD. `lower`
# of collations differs in the final sigma. Not STRICT, which would prevent inlining.
CREATE_FOLD = rf"""
    CREATE OR REPLACE FUNCTION roster_fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN octet_length($1) = length($1) THEN
        regexp_replace(
            lower(translate(' ' || $1 || ' ', U&'\0027\0060', '') COLLATE "C"),
            '[^a-z0-9]+', ' ', 'g'
        ) COLLATE "default"
    ELSE
        regexp_replace(
            regexp_replace(
                translate(
                    lower(
                        unaccent('unaccent'::regdictionary, normalize(
                            regexp_replace(
                                normalize(translate(' ' || $1 || ' ', U&'\00B4', ''), NFKD),
                                '[{IGNORED}]+', '', 'g'
                            ),
                            NFKC
                        ))
                        COLLATE roster_names
                    ),
                    U&'\03C2', U&'\03C3'
                ),
                '([{IDEOGRAPHS}])', ' \1 ', 'g'
            ),
            '[^[:alnum:]{MARKS}]+', ' ', 'g'
        ) COLLATE "default"
    END
"""
FORMER_FOLD = """
    CREATE OR REPLACE FUNCTION roster_fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(
        lower(unaccent('unaccent'::regdictionary, normalize(' ' || $1 || ' ', NFKC))),
        '[^[:alnum:]]+', ' ', 'g'
    )
"""


class Migration(migrations.Migration):
    """Later migrations compute again what was computed by the former function."""

    dependencies = [('search', '0001_initial')]

    operations = [
        migrations.RunSQL(CREATE_COLLATION, 'DROP COLLATION roster_names'),
        migrations.RunSQL(CREATE_FOLD, FORMER_FOLD),
    ]
