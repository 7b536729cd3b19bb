from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0002_service_accounts'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='user',
            index=models.Index(condition=models.Q(('is_service', True)), fields=['username'], name='user_service'),
        ),
    ]
