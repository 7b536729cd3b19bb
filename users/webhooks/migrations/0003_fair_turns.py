"""Slow webhooks, and deliveries on purpose."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0002_delivery_metrics'),
    ]

    operations = [
        migrations.AddField(
            model_name='webhook',
            name='slow_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='is_requested',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
