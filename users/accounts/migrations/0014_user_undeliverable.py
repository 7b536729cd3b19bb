from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0013_undeliverable_addresses'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='user',
            index=models.Index(condition=models.Q(('email_undeliverable_at', None), _negated=True), fields=['id'], name='user_undeliverable'),
        ),
    ]
