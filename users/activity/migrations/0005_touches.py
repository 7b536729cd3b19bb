"""The trigger by which an event touches what its actor writes."""

from django.db import migrations

from core.versions.triggers import TouchTriggers, create_triggers

# As `users.activity.versions.writes_of`. Events of clients that are not signed in have no actor.
TOUCH_WRITERS = """
    CREATE OR REPLACE FUNCTION touch_writers(users uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM touch_entities(ARRAY(
            SELECT md5('writes of ' || actor)::uuid
            FROM unnest(users) AS actor WHERE actor IS NOT NULL
        ));
    END
    $$
"""


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('activity', '0004_labels'),
        ('versions', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(TOUCH_WRITERS, 'DROP FUNCTION touch_writers'),
        *create_triggers(TouchTriggers('activity_event', 'touch_writers', ('actor_id',))),
    ]
