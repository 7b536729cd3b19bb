"""Names of groups collide in the case of all scripts."""

from importlib import import_module

from django.db import migrations

from users.accounts.migrations._group_names import rename_twins

former = import_module('users.accounts.migrations.0025_group_names')

# By upper case, because a final sigma and a dotless i have a lower case of their own. Collations
# disagree on the upper case of a sharp s, and on the dot of a lower-case U+0130.
KEY = (
    'replace(translate(normalize(lower(upper('
    "regexp_replace(normalize(name, NFKC), U&'[\\005Cs\\200C\\200D]+', '', 'g')"
    " COLLATE roster_names)), NFKC), U&'\\0307', ''), U&'\\00DF', 'ss')"
)
# Built beside the former one, which serves the running release. A migration that failed is repeated.
CREATE_INDEX = [
    'DROP INDEX CONCURRENTLY IF EXISTS group_name_folded',
    f'CREATE UNIQUE INDEX CONCURRENTLY group_name_folded ON auth_group (({KEY}))',
    'DROP INDEX CONCURRENTLY IF EXISTS group_name_alike',
    'ALTER INDEX group_name_folded RENAME TO group_name_alike',
]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0027_invitation_names'),
    ]

    operations = [
        migrations.RunPython(
            lambda _apps, _schema_editor: rename_twins(KEY), migrations.RunPython.noop
        ),
        migrations.RunSQL(CREATE_INDEX, former.CREATE_INDEX),
    ]
