"""An index of the members of a group, in the order of their accounts' creation."""

from django.db import migrations

from core.database.schema_changes.operations import AddTableIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0021_no_authorization_version'),
    ]

    operations = [
        # The table is Django's own, whose model takes no index.
        AddTableIndexConcurrently(
            'accounts_user_groups_group_id_user_id', 'accounts_user_groups', ['group_id', 'user_id']
        ),
    ]
