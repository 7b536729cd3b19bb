"""Migrations of the audit trail keep it valid."""

import pytest
from django.core.management import call_command
from django.db import connection

from core.database.ids import new_id
from core.database.roles.owner import as_owner
from core.security.actor import ANONYMOUS
from tests.core.test_touch_triggers import migrate
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.services.sealing import seal_batch
from users.activity.tags import Tag


@pytest.mark.usefixtures("transactional_db")
def test_earlier_events_are_found_by_their_organization() -> None:
    organization, key = new_id(), new_id()
    about = record(
        Tag.ORGANIZATION_RENAMED, actor=ANONYMOUS, subject_id=None, organization=organization
    )
    record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    assert seal_batch() == 2
    try:
        migrate(("activity", "0005_touches"))
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO activity_event (id, tag, data, created_at)
                VALUES (%s, %s, jsonb_build_object('organization', %s::text), now())
                """,
                [key, Tag.MEMBER_LEFT.value, organization],
            )
    finally:
        migrate()
    assert seal_batch() == 1

    found = Event.objects.filter(organization_id=organization).values_list("pk", flat=True)
    assert set(found) == {about.pk, key}
    call_command("verify_audit")
