"""The owner's functions resolve no name in the caller's temporary schema."""

from django.db import migrations

# Without `pg_temp` in the path, temporary relations come first, even before `pg_catalog`, so that a
# view of the caller would call its functions with the owner's rights.
SET_PATH = """
    DO $$
    DECLARE
        name text;
    BEGIN
        FOREACH name IN ARRAY ARRAY['create_event_partitions', 'drop_expired_event_partitions'] LOOP
            EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', name, current_schema);
        END LOOP;
    END
    $$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('activity', '0012_audit_stream'),
    ]

    operations = [
        migrations.RunSQL(SET_PATH, migrations.RunSQL.noop),
    ]
