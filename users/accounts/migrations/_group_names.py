"""Helpers of the migrations to names of groups that do not read alike."""

from itertools import count

from django.db import connection

MAX_LENGTH = 150


def rename_twins(key):
    """Number all groups of one name but the oldest.

    ``key`` is the SQL by which names are compared.
    """
    twins = f"""
        SELECT id, name FROM (
            SELECT id, name, row_number() OVER (PARTITION BY {key} ORDER BY id) FROM auth_group
        ) AS groups
        WHERE row_number > 1
        ORDER BY id
    """
    is_taken = (
        f"SELECT EXISTS (SELECT FROM auth_group WHERE {key} = {key.replace('name,', '%s::text,')})"
    )
    with connection.cursor() as cursor:
        cursor.execute(twins)
        for group_id, name in cursor.fetchall():
            for number in count(2):
                suffix = f' ({number})'
                renamed = name[: MAX_LENGTH - len(suffix)] + suffix
                cursor.execute(is_taken, [renamed])
                if not cursor.fetchone()[0]:
                    break
            cursor.execute('UPDATE auth_group SET name = %s WHERE id = %s', [renamed, group_id])
