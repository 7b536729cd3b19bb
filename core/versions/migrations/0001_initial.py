"""The table of versions, and the function that changes them."""

from django.db import migrations, models

# Values are updated in place (HOT) as long as pages have room and are vacuumed.
STORAGE = """
    ALTER TABLE versions_versionpart SET (
        fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_threshold = 1000
    )
"""

# No transaction waits for another here: parts that are held are skipped, and new ones are unique.
# A part that this transaction has written has its id as `xmin`; one change is enough for a version
# that appears with the commit. Values are 63 random bits, so that none returns after a restore.
# A plan from when the table was small would scan it for each of many entities.
TOUCH = """
    CREATE FUNCTION touch_entities(entities uuid[]) RETURNS void LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
    BEGIN
        IF cardinality(entities) = 0 THEN
            RETURN;
        END IF;
        WITH touched AS (
            SELECT DISTINCT entity FROM unnest(entities) AS entity
        ), held AS MATERIALIZED (
            SELECT free.* FROM touched CROSS JOIN LATERAL (
                SELECT entity, part, xmin FROM versions_versionpart AS any_part
                WHERE any_part.entity = touched.entity
                LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
            ) AS free
        ), updated AS (
            UPDATE versions_versionpart AS changed SET value = random(0, 9223372036854775807)
            FROM held
            WHERE changed.entity = held.entity AND changed.part = held.part
                AND held.xmin <> pg_current_xact_id()::xid
        )
        INSERT INTO versions_versionpart (entity, part, value)
        SELECT entity, random(0, 9223372036854775807), random(0, 9223372036854775807)
        FROM touched
        WHERE entity NOT IN (SELECT entity FROM held);
    END
    $$
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='VersionPart',
            fields=[
                ('pk', models.CompositePrimaryKey('entity', 'part', blank=True, editable=False, primary_key=True, serialize=False)),
                ('entity', models.UUIDField()),
                ('part', models.BigIntegerField()),
                ('value', models.BigIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(TOUCH, 'DROP FUNCTION touch_entities'),
    ]
