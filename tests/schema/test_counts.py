"""`totalCount`: counted up to a bound, estimated beyond it, and only if selected."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection

from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from users.accounts.models import User

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

COUNT = "{ users(first: 1) { totalCount { value isExact } } }"


@pytest.fixture
def crowd(db: None) -> None:
    User.objects.bulk_create(
        User(username=f"person{number}", email=f"{number}@example.org", is_public=number % 2 == 0)
        for number in range(1_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_user")


@pytest.mark.usefixtures("crowd")
def test_total_count_respects_visibility(client_of: ClientOf, sam: User, alice: User) -> None:
    counts = [client_of(user)(COUNT).data["users"]["totalCount"] for user in (sam, alice)]
    assert counts == [{"value": 1_002, "isExact": True}, {"value": 501, "isExact": True}]


@pytest.mark.usefixtures("crowd")
def test_long_lists_are_estimated(
    client_of: ClientOf, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.relay.total_count.MAX_COUNT", 100)
    count = client_of(sam)(COUNT).data["users"]["totalCount"]
    assert count["isExact"] is False
    assert 900 <= count["value"] <= 1_100


@pytest.mark.usefixtures("crowd")
def test_a_long_list_is_read_up_to_the_bound(
    client_of: ClientOf, sam: User, statements: Capture
) -> None:
    with statements() as captured:
        assert client_of(sam)(COUNT).codes == []
    (count,) = [sql for sql in captured if "COUNT(" in sql]
    assert "LIMIT 10001" in count
    assert "ORDER BY" not in count


def test_pages_without_a_count_are_not_counted(
    client_of: ClientOf, sam: User, statements: Capture
) -> None:
    with statements() as captured:
        client_of(sam)("{ users(first: 1) { edges { node { id } } } }")
    assert not [sql for sql in captured if "COUNT(" in sql]
