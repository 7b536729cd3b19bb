"""Functions that run with the owner's rights resolve no name in the caller's temporary schema."""

import pytest
from django.db import connection

from core.security.actor import ANONYMOUS
from users.activity.models import Event
from users.activity.services.partitions import drop_expired_partitions
from users.activity.services.record import record
from users.activity.services.roll_up import roll_up_all
from users.activity.services.sealing import seal_all
from users.activity.tags import Tag

# Without `pg_temp` in the path, temporary relations come first, even before `pg_catalog`.
SHADOW = """
    CREATE FUNCTION pg_temp.attack() RETURNS oid LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM public.activity_event;
        RETURN NULL;
    END
    $$;
    CREATE TEMPORARY VIEW pg_inherits AS SELECT pg_temp.attack() AS inhrelid, oid AS inhparent
    FROM pg_catalog.pg_class WHERE relname = 'activity_event';
"""


@pytest.mark.django_db
def test_the_path_of_each_ends_with_the_temporary_schema() -> None:
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT oid::regprocedure::text, array_to_string(proconfig, ' ')
            FROM pg_proc WHERE prosecdef AND pronamespace = current_schema::regnamespace
        """)
        found = dict(cursor.fetchall())
    assert len(found) >= 2
    for name, settings in found.items():
        assert "search_path=public, pg_temp" in (settings or ""), name


@pytest.mark.usefixtures("transactional_db")
def test_the_service_cannot_act_as_the_owner() -> None:
    record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    seal_all()
    roll_up_all()
    with connection.cursor() as cursor:
        cursor.execute(SHADOW)
    try:
        drop_expired_partitions()
    finally:
        # Its temporary schema goes with it.
        connection.close()
    assert Event.objects.count() == 1
