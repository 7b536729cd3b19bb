"""The administrator role has our name and text in forms.

The field is the model's own now, so it stands elsewhere among the columns that the triggers name.
"""

from django.db import migrations, models

from core.versions.triggers import TouchTriggers

FIRST = ('id', 'username', 'email', 'email_verified_at', 'email_undeliverable_at', 'name')
LAST = ('is_public', 'is_service', 'date_joined', 'second_factors', 'erased_at')


def triggers(*columns):
    """Return the triggers of users, of which only the order of columns differs."""
    return TouchTriggers('accounts_user', 'touch_users', ('id',), columns).create_sql


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0028_group_names_case'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='is_superuser',
            field=models.BooleanField(
                default=False,
                help_text='Manages accounts, roles and groups, and reads the audit trail.',
                verbose_name='administrator',
            ),
        ),
        migrations.RunSQL(
            triggers(*FIRST, 'is_active', 'is_staff', 'is_superuser', *LAST),
            triggers('is_superuser', *FIRST, 'is_active', 'is_staff', *LAST),
        ),
    ]
