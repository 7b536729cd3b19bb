"""Indexes of the metrics."""

from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    # In a transaction, an index cannot be built concurrently.
    atomic = False

    dependencies = [
        ('webhooks', '0001_initial'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['id'], name='webhook_delivery_waiting'),
        ),
        AddIndexConcurrently(
            model_name='webhookdelivery',
            index=models.Index(fields=['attempted_at'], name='webhook_delivery_attempted'),
        ),
    ]
