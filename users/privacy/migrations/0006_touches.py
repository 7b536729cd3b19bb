"""Triggers that touch users whose deletion is pending."""

from django.db import migrations

from core.versions.triggers import TouchTriggers, create_triggers


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0020_touches'),
        ('privacy', '0005_deletion_was_deactivated'),
    ]

    operations = [
        *create_triggers(
            TouchTriggers(
                table='privacy_accountdeletion',
                function='touch_users',
                keys=('user_id',),
                columns=('expires_at', 'user_id', 'requested_at'),
            ),
        ),
    ]
