"""Names of groups that differ only in case, width or spaces collide."""

from itertools import count

from django.db import connection, migrations

# Joiners are as invisible as spaces.
KEY = (
    "lower(regexp_replace(normalize(name, NFKC), U&'[\\005Cs\\200C\\200D]+', '', 'g')"
    ' COLLATE roster_names)'
)
TWINS = f"""
    SELECT id, name FROM (
        SELECT id, name, row_number() OVER (PARTITION BY {KEY} ORDER BY id) FROM auth_group
    ) AS groups
    WHERE row_number > 1
    ORDER BY id
"""
IS_TAKEN = f"SELECT EXISTS (SELECT FROM auth_group WHERE {KEY} = {KEY.replace('name,', '%s::text,')})"
CREATE_INDEX = [
    'DROP INDEX CONCURRENTLY IF EXISTS group_name_alike',
    f'CREATE UNIQUE INDEX CONCURRENTLY group_name_alike ON auth_group (({KEY}))',
]
MAX_LENGTH = 150


def rename_twins(_apps, _schema_editor):
    """Number all groups of one name but the oldest."""
    with connection.cursor() as cursor:
        cursor.execute(TWINS)
        for key, name in cursor.fetchall():
            for number in count(2):
                suffix = f' ({number})'
                renamed = name[: MAX_LENGTH - len(suffix)] + suffix
                cursor.execute(IS_TAKEN, [renamed])
                if not cursor.fetchone()[0]:
                    break
            cursor.execute('UPDATE auth_group SET name = %s WHERE id = %s', [renamed, key])


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0024_sign_up_names'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('search', '0002_all_names'),
    ]

    # The table is Django's own, whose model takes no constraint.
    operations = [
        migrations.RunPython(rename_twins, migrations.RunPython.noop),
        migrations.RunSQL(CREATE_INDEX, 'DROP INDEX CONCURRENTLY group_name_alike'),
    ]
