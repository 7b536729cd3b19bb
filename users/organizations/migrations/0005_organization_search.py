from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations

from core.database.search.texts import Fold
from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('organizations', '0004_touches'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='organization',
            index=GinIndex(OpClass(Fold('name'), name='gin_trgm_ops'), name='organization_search'),
        ),
    ]
