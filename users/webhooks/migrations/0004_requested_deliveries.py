"""The index of deliveries on purpose."""

from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    # In a transaction, an index cannot be built concurrently.
    atomic = False

    dependencies = [
        ('webhooks', '0003_fair_turns'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('is_requested', True), ('state', 'pending')), fields=['webhook'], name='webhook_delivery_requested'),
        ),
    ]
