"""Remove the column from the state only.

Processes of the earlier release still read and write it. A later release drops it.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0020_touches'),
    ]

    operations = [
        # For rows of this release, which does not know the column.
        migrations.AlterField(
            model_name='user',
            name='authorization_version',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name='user', name='authorization_version'),
            ],
        ),
    ]
