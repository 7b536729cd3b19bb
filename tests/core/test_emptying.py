"""Tables are empty after tests that commit, however they are emptied."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from tests.support import emptying
from tests.support.crowd import build_crowd
from tests.support.emptying import Emptying, filled_tables, kept_rows
from tests.support.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def unexpected(case: Any) -> None:
    raise AssertionError(case)


def test_rows_of_all_kinds_are_deleted_except_those_of_migrate() -> None:
    kept = kept_rows()
    database = Emptying(unexpected)
    build_crowd()
    assert len(filled_tables()) > 15

    database.empty(None)

    assert filled_tables() == {}
    assert kept_rows() == kept != []


def test_changed_permissions_take_a_flush() -> None:
    flushed: list[Any] = []
    database = Emptying(flushed.append)
    user = ContentType.objects.get(model="user")
    Permission.objects.create(content_type=user, codename="sell", name="Can sell things")

    database.empty("case")

    assert flushed == ["case"]


def test_much_data_takes_a_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Any] = []
    database = Emptying(flushed.append)
    monkeypatch.setattr(emptying, "MAX_SIZE", 0)
    make_user("alice")

    database.empty("case")

    assert flushed == ["case"]
