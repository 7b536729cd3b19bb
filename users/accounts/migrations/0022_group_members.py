"""An index of the members of a group, in the order of their accounts' creation."""

from django.db import migrations

CREATE = """
    CREATE INDEX CONCURRENTLY accounts_user_groups_group_id_user_id
    ON accounts_user_groups (group_id, user_id)
"""
DROP = "DROP INDEX CONCURRENTLY accounts_user_groups_group_id_user_id"


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0021_no_authorization_version'),
    ]

    # The table is Django's own, whose model takes no index.
    operations = [migrations.RunSQL(CREATE, DROP)]
