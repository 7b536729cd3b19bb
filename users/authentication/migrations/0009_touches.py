"""Triggers that touch suspended users."""

from django.db import migrations

from core.versions.triggers import TouchTriggers, create_triggers


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0020_touches'),
        ('authentication', '0008_canonical_emails'),
    ]

    operations = [
        *create_triggers(
            TouchTriggers('authentication_suspension', 'touch_users', ('user_id',)),
        ),
    ]
