"""Earlier events of organisations, and an index of all of them."""

from django.db import migrations, models

from core.database.schema_changes.operations import AddIndexConcurrently

# Only the tables' owner may update events. Seals cover `data`, which has the key, so they are valid
# before and after.
COPY_ORGANIZATIONS = """
    UPDATE activity_event SET organization_id = (data ->> 'organization')::uuid
    WHERE data ? 'organization' AND organization_id IS NULL
"""


class Migration(migrations.Migration):

    # In a transaction, an index cannot be built concurrently.
    atomic = False

    dependencies = [
        ('activity', '0006_event_organization'),
    ]

    operations = [
        migrations.RunSQL(COPY_ORGANIZATIONS, migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='event',
            index=models.Index(condition=models.Q(('organization__isnull', False)), fields=['organization', 'id'], name='event_organization'),
        ),
    ]
