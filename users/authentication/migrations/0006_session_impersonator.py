from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('authentication', '0005_impersonation'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='session',
            index=models.Index(condition=models.Q(('impersonator__isnull', False)), fields=['impersonator'], name='session_impersonator'),
        ),
    ]
