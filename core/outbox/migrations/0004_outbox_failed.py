from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('outbox', '0003_failed_messages'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='outboxmessage',
            index=models.Index(condition=models.Q(('failed_at', None), _negated=True), fields=['failed_at'], name='outbox_failed'),
        ),
    ]
