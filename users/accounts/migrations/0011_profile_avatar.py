from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0010_metadata'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='profile',
            index=models.Index(condition=models.Q(('avatar', ''), _negated=True), fields=['avatar'], name='profile_avatar'),
        ),
    ]
