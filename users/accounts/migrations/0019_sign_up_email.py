from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0018_sign_ups_side_by_side'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='signup',
            index=models.Index(fields=['email'], name='sign_up_email'),
        ),
    ]
