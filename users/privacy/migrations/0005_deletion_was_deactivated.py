from django.db import migrations, models


class Migration(migrations.Migration):
    """Rename the field only: a renamed column would break the running version."""

    dependencies = [
        ('privacy', '0004_labels'),
    ]

    operations = [
        migrations.AlterField(
            model_name='accountdeletion',
            name='was_shut',
            field=models.BooleanField(db_column='was_shut', db_default=False, default=False),
        ),
        migrations.RenameField(
            model_name='accountdeletion',
            old_name='was_shut',
            new_name='was_deactivated',
        ),
    ]
