"""Search and order all names by the function of `search/0002_all_names`."""

from django.db import migrations, models

import core.database.search.texts

# Built beside the former one, which serves the running release. A migration that failed is repeated.
CREATE_INDEX = [
    'REINDEX INDEX CONCURRENTLY organization_search',
    'DROP INDEX CONCURRENTLY IF EXISTS organization_order_name_folded',
    """
    CREATE INDEX CONCURRENTLY organization_order_name_folded
    ON organizations_organization ((roster_fold(name) COLLATE roster_names), id)
    """,
    'DROP INDEX CONCURRENTLY IF EXISTS organization_order_name',
    'ALTER INDEX organization_order_name_folded RENAME TO organization_order_name',
]
FORMER_INDEX = [
    'DROP INDEX CONCURRENTLY organization_order_name',
    """
    CREATE INDEX CONCURRENTLY organization_order_name
    ON organizations_organization (lower(name), id)
    """,
]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('organizations', '0005_organization_search'),
        ('search', '0002_all_names'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE_INDEX, FORMER_INDEX)],
            state_operations=[
                migrations.RemoveIndex(model_name='organization', name='organization_order_name'),
                migrations.AddIndex(
                    model_name='organization',
                    index=models.Index(
                        core.database.search.texts.in_name_order('name'),
                        models.F('id'),
                        name='organization_order_name',
                    ),
                ),
            ],
        ),
    ]
