"""Search and order all names by the function of `search/0002_all_names`."""

from django.db import connection, migrations, models

import core.database.search.texts

# An update computes both columns again. No answer shows them, so it touches nothing.
FOLD = """
    WITH page AS (
        SELECT id, name || ' ' || username || ' ' AS names, email, search_text, private_search_text
        FROM accounts_user
        WHERE %(after)s::uuid IS NULL OR id > %(after)s::uuid
        ORDER BY id
        LIMIT 2000
    ),
    updated AS (
        UPDATE accounts_user SET name = accounts_user.name
        FROM page
        WHERE accounts_user.id = page.id AND (
            page.search_text <> roster_fold(page.names)
            OR page.private_search_text <> roster_fold(page.names || page.email || ' ')
        )
    )
    SELECT id FROM page ORDER BY id DESC LIMIT 1
"""
# Built beside the former one, which serves the running release. A migration that failed is repeated.
CREATE_INDEX = [
    'DROP INDEX CONCURRENTLY IF EXISTS user_order_name_folded',
    """
    CREATE INDEX CONCURRENTLY user_order_name_folded
    ON accounts_user ((roster_fold(name) COLLATE roster_names), id)
    """,
    'DROP INDEX CONCURRENTLY IF EXISTS user_order_name',
    'ALTER INDEX user_order_name_folded RENAME TO user_order_name',
]
FORMER_INDEX = [
    'DROP INDEX CONCURRENTLY user_order_name',
    'CREATE INDEX CONCURRENTLY user_order_name ON accounts_user (lower(name), id)',
]


def fold(_apps, _schema_editor):
    """Update users in batches, each in its own transaction."""
    after = None
    with connection.cursor() as cursor:
        while True:
            cursor.execute(FOLD, {'after': after})
            row = cursor.fetchone()
            if row is None:
                return
            (after,) = row


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0022_group_members'),
        ('search', '0002_all_names'),
    ]

    operations = [
        migrations.RunPython(fold, fold),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE_INDEX, FORMER_INDEX)],
            state_operations=[
                migrations.RemoveIndex(model_name='user', name='user_order_name'),
                migrations.AddIndex(
                    model_name='user',
                    index=models.Index(
                        core.database.search.texts.in_name_order('name'),
                        models.F('id'),
                        name='user_order_name',
                    ),
                ),
            ],
        ),
    ]
