"""Events and their details in partitions by month; functions that create and drop these."""

from django.db import migrations

from core.database.partitions import FIRST_ID, MonthlyPartitions
from core.versions.triggers import TouchTriggers

# `migrate` replaces it by the owner's `EVENT_RETENTION_DAYS`.
RETENTION = """
    CREATE OR REPLACE FUNCTION event_retention() RETURNS interval
    LANGUAGE sql STABLE AS 'SELECT NULL::interval'
"""
# The lock on a table is exclusive for a moment, so nothing may queue behind it.
CREATE_AHEAD = """
    CREATE OR REPLACE FUNCTION create_event_partitions() RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '500ms' AS $$
    DECLARE
        parent text;
        upper_bound timestamptz;
        latest text;
        name text;
    BEGIN
        PERFORM pg_advisory_xact_lock(4873640912550118);
        FOREACH parent IN ARRAY ARRAY['activity_event', 'activity_eventdetails'] LOOP
            LOOP
                SELECT max(right(inhrelid::regclass::text, 6)) INTO STRICT latest
                FROM pg_inherits WHERE inhparent = parent::regclass;
                upper_bound := to_timestamp(latest || ' +00', 'YYYYMM TZH');
                EXIT WHEN upper_bound > now() + interval '6 months';
                name := parent || '_until_'
                    || to_char((upper_bound + interval '1 month') AT TIME ZONE 'UTC', 'YYYYMM');
                -- Attached, because PARTITION OF would lock the parent against readers.
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', name, parent);
                EXECUTE format(
                    'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name,
                    first_id_at(upper_bound), first_id_at(upper_bound + interval '1 month')
                );
            END LOOP;
        END LOOP;
    END
    $$
"""
# The service may call it, but what it drops depends on the owner's setting and the clock only.
EXPIRE = """
    CREATE OR REPLACE FUNCTION drop_expired_event_partitions() RETURNS timestamptz
    LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '500ms' AS $$
    DECLARE
        expired record;
        before timestamptz;
    BEGIN
        FOR expired IN
            SELECT inhrelid::regclass AS name,
                to_timestamp(right(inhrelid::regclass::text, 6) || ' +00', 'YYYYMM TZH')
                    AS upper_bound
            FROM pg_inherits
            WHERE inhparent IN ('activity_event'::regclass, 'activity_eventdetails'::regclass)
            ORDER BY 1
        LOOP
            IF expired.upper_bound <= now() - event_retention() THEN
                EXECUTE format('DROP TABLE %s', expired.name);
                before := greatest(before, expired.upper_bound);
            END IF;
        END LOOP;
        RETURN before;
    END
    $$
"""

WRITERS = TouchTriggers('activity_event', 'touch_writers', ('actor_id',))

EVENTS = MonthlyPartitions(
    table='activity_event',
    key='id',
    indexes={
        'event_subject': '(subject_id, id)',
        'event_actor': '(actor_id, id)',
        'event_tag': '(tag, id)',
        'event_organization': '(organization_id, id) WHERE organization_id IS NOT NULL',
    },
    triggers=WRITERS.definitions,
)
DETAILS = MonthlyPartitions(
    table='activity_eventdetails',
    key='event_id',
    indexes={'event_details_email': """((values ->> 'email')) WHERE values ? 'email'"""},
)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('activity', '0010_event_details_reference'),
    ]

    operations = [
        migrations.RunSQL(FIRST_ID, 'DROP FUNCTION first_id_at'),
        migrations.RunSQL(RETENTION, 'DROP FUNCTION event_retention'),
        *EVENTS.operations(),
        *DETAILS.operations(),
        migrations.RunSQL(CREATE_AHEAD, 'DROP FUNCTION create_event_partitions'),
        migrations.RunSQL(EXPIRE, 'DROP FUNCTION drop_expired_event_partitions'),
        migrations.RunSQL('SELECT create_event_partitions()', migrations.RunSQL.noop),
    ]
