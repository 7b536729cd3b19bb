"""The index of counts by time."""

from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    # In a transaction, an index cannot be built concurrently.
    atomic = False

    dependencies = [
        ('activity', '0014_imported_users'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='intervalcounts',
            index=models.Index(fields=['start'], name='interval_counts_start'),
        ),
    ]
