"""The administrator role has our name and text in forms."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0028_group_names_case'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='is_superuser',
            field=models.BooleanField(default=False, help_text='Manages accounts, roles and groups, and reads the audit trail.', verbose_name='administrator'),
        ),
    ]
