"""The other sides of relations, as the engine joins or reads them."""

from typing import Any

import pytest

from core.security.actor import SYSTEM, Actor
from engine.operation import CompiledOperation
from schema.context import Context
from schema.documents.document import document
from schema.root import schema
from tests.schema.people import MISSING_USER_ID
from users.accounts.models import User
from users.activity.services.record import record
from users.activity.tags import Tag


@pytest.mark.parametrize("fields", ["id", "id username", "name profile { bio }", "__typename"])
def test_deleted_users_are_null_in_events(alice: User, root: User, fields: str) -> None:
    record(Tag.LOGGED_IN, actor=Actor(user_id=MISSING_USER_ID), subject_id=alice.pk)
    record(Tag.LOGGED_IN, actor=Actor(user_id=alice.pk), subject_id=MISSING_USER_ID)
    record(Tag.LOGGED_IN, actor=SYSTEM, subject_id=None)
    source = f"{{ events(first: 9) {{ nodes {{ actor {{ {fields} }} subject {{ {fields} }} }} }} }}"
    administrator = Actor(user_id=root.pk, is_staff=True, is_superuser=True)
    data, expected = (answer.data for answer in answers(source, administrator))
    assert data == expected
    there = [(row["actor"] is not None, row["subject"] is not None) for row in nodes_of(data)]
    assert there == [(False, False), (True, False), (False, True)]


def test_aliases_of_one_user_have_the_fields_of_each(root: User) -> None:
    administrator = Actor(user_id=root.pk, is_staff=True, is_superuser=True)
    record(Tag.LOGGED_IN, actor=SYSTEM, subject_id=root.pk)
    source = """{ events(first: 9) { nodes {
        subject { activeSessionCount } other: subject { permissions lastSeenAt }
    } } }"""
    actual, expected = answers(source, administrator)
    assert (actual.data, actual.errors) == (expected.data, None)
    (event,) = nodes_of(actual.data)
    assert event["subject"] == {"activeSessionCount": 0}
    assert "accounts.view_user" in event["other"]["permissions"]


def nodes_of(data: Any) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = data["events"]["nodes"]
    return nodes


def answers(source: str, actor: Actor) -> tuple[Any, Any]:
    """Return the engine's answer and graphql-core's."""
    return (
        CompiledOperation.of(schema, document(source).syntax, None).execute(None, Context(actor)),
        schema.execute_sync(source, context_value=Context(actor)),
    )
