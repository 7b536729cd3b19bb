"""Triggers that touch organisations, also with their members."""

from django.db import migrations

from core.versions.triggers import TouchTriggers, create_triggers

# An organisation's version covers its members. The users' rows are locked before the memberships
# are read, as a foreign key would, unless this transaction has written them: see `lock_member`.
TOUCH_USERS = """
    CREATE OR REPLACE FUNCTION touch_users(users uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF cardinality(users) = 0 THEN
            RETURN;
        END IF;
        PERFORM FROM accounts_user
        WHERE id = ANY (users) AND xmin <> pg_current_xact_id()::xid
        ORDER BY id FOR KEY SHARE;
        PERFORM touch_entities(users || ARRAY(
            SELECT organization_id FROM organizations_membership WHERE user_id = ANY (users)
        ));
    END
    $$
"""
# As in `accounts/0020_touches`.
TOUCH_USERS_ALONE = """
    CREATE OR REPLACE FUNCTION touch_users(users uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM touch_entities(users);
    END
    $$
"""

# Race: a transaction that changes a user does not see a membership that is not committed, so it
# would not touch the organisation, and an answer from between both commits would never expire. So
# a new member's row is locked until the commit against all who change the user.
LOCK_MEMBER = """
    CREATE OR REPLACE FUNCTION lock_member() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM accounts_user WHERE id = NEW.user_id FOR UPDATE;
        RETURN NEW;
    END
    $$;
    CREATE OR REPLACE TRIGGER lock_member
        BEFORE INSERT OR UPDATE OF user_id, organization_id ON organizations_membership
        FOR EACH ROW EXECUTE FUNCTION lock_member();
"""


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0020_touches'),
        ('organizations', '0003_canonical_emails'),
    ]

    operations = [
        migrations.RunSQL(LOCK_MEMBER, 'DROP FUNCTION lock_member CASCADE'),
        migrations.RunSQL(TOUCH_USERS, TOUCH_USERS_ALONE),
        *create_triggers(
            TouchTriggers('organizations_organization', 'touch_entities', ('id',)),
            TouchTriggers('organizations_membership', 'touch_entities', ('user_id', 'organization_id')),
            TouchTriggers(
                table='organizations_organizationinvitation',
                function='touch_entities',
                keys=('organization_id',),
                columns=(
                    'expires_at', 'id', 'organization_id', 'inviter_id', 'email', 'role',
                    'created_at',
                ),
            ),
        ),
    ]
