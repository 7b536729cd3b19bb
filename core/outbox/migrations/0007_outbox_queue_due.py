from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('outbox', '0006_queues_and_failures'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='outboxmessage',
            index=models.Index(fields=['queue', 'dispatch_at'], name='outbox_queue_due'),
        ),
    ]
