"""Triggers that touch users, groups and permissions."""

from django.db import migrations

from core.versions.triggers import TouchTriggers, create_triggers

# What else covers users is read after their rows are locked, so that a concurrent transaction that
# adds to it, and locks the rows for update, is either visible here or commits later.
# `organizations/0004_touches` replaces the function.
CREATE = """
    CREATE OR REPLACE FUNCTION touch_users(users uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM touch_entities(users);
    END
    $$
"""

GROUPS = "'ea76541b-d7d9-50e2-88e5-8eb7c5b9d4ff'::uuid"
PERMISSIONS = "'bd55a68a-c91f-5bf7-b1e5-bb25aa536ab6'::uuid"


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0019_sign_up_email'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('versions', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(CREATE, 'DROP FUNCTION touch_users'),
        *create_triggers(
            TouchTriggers(
                table='accounts_user',
                function='touch_users',
                keys=('id',),
                columns=(
                    'is_superuser', 'id', 'username', 'email', 'email_verified_at',
                    'email_undeliverable_at', 'name', 'is_active', 'is_staff', 'is_public',
                    'is_service', 'date_joined', 'second_factors', 'erased_at',
                ),
            ),
            TouchTriggers('accounts_profile', 'touch_users', ('user_id',)),
            TouchTriggers('accounts_metadata', 'touch_users', ('user_id',)),
            TouchTriggers('accounts_emailaddress', 'touch_users', ('user_id',)),
            TouchTriggers('accounts_user_groups', 'touch_users', ('user_id',)),
            TouchTriggers('accounts_user_user_permissions', 'touch_users', ('user_id',)),
            TouchTriggers('auth_group', 'touch_entities', (GROUPS,)),
            TouchTriggers('auth_group_permissions', 'touch_entities', (GROUPS,)),
            TouchTriggers('auth_permission', 'touch_entities', (PERMISSIONS,)),
            TouchTriggers('django_content_type', 'touch_entities', (PERMISSIONS,)),
        ),
    ]
