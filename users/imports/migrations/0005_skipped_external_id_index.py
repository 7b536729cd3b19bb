from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('imports', '0004_reports'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='skippedrow',
            index=models.Index(condition=models.Q(('external_id', ''), _negated=True), fields=['external_id'], name='skipped_row_external_id'),
        ),
    ]
