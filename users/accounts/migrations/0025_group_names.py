"""Names of groups that differ only in case, width or spaces collide."""

from django.db import migrations

from users.accounts.migrations._group_names import rename_twins

# Joiners are as invisible as spaces.
KEY = (
    "lower(regexp_replace(normalize(name, NFKC), U&'[\\005Cs\\200C\\200D]+', '', 'g')"
    ' COLLATE roster_names)'
)
CREATE_INDEX = [
    'DROP INDEX CONCURRENTLY IF EXISTS group_name_alike',
    f'CREATE UNIQUE INDEX CONCURRENTLY group_name_alike ON auth_group (({KEY}))',
]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0024_sign_up_names'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('search', '0002_all_names'),
    ]

    # The table is Django's own, whose model takes no constraint.
    operations = [
        migrations.RunPython(
            lambda _apps, _schema_editor: rename_twins(KEY), migrations.RunPython.noop
        ),
        migrations.RunSQL(CREATE_INDEX, 'DROP INDEX CONCURRENTLY group_name_alike'),
    ]
