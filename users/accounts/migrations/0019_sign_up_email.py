from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


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
