"""Orderings of users: total in both directions; private ones for staff."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from tests.schema.test_paging import PAGE, names
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_user
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]
Page = Callable[..., Answer]

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
# Username, name, e-mail, and the days of joining and last use.
PEOPLE = [
    ("a", "Zoe", "d@example.org", 3, None),
    ("b", "ann", "c@example.org", 1, 2),
    ("c", "Bea", "b@example.org", 2, 1),
    ("d", "Ann", "a@example.org", 2, None),
    ("e", "", "e@example.org", 4, 2),
    ("f", "Éva", "f@example.org", 5, 3),
    ("g", "Fritz", "g@example.org", 6, 4),
    ("h", "Dan", "h@example.org", 7, 5),
    ("i", "мария", "i@example.org", 8, 6),
    ("j", "Öznur", "j@example.org", 9, 7),
]
ORDERS = [
    ("USERNAME", "abcdefghij"),
    # Without case and accents; ties by creation, here and below.
    ("NAME", "ebdchfgjai"),
    ("EMAIL", "dcbaefghij"),
    ("JOINED", "bcdaefghij"),
    # Users who were never seen come first.
    ("LAST_SEEN", "adcbefghij"),
]


@pytest.fixture
def page(client_of: ClientOf, db: None) -> Page:
    """Query pages of `PEOPLE` as a staff user."""
    for username, name, email, joined, seen in PEOPLE:
        make_user(
            username,
            name=name,
            email=email,
            is_staff=True,
            is_public=True,
            date_joined=DAY + dt.timedelta(days=joined),
            seen=DAY + dt.timedelta(days=seen) if seen else None,
        )
    client = client_of(User.objects.get(username="a"))
    return lambda **variables: client(PAGE, **variables)


def walk(page: Page, by: dict[str, str] | None, *, forwards: bool) -> str:
    """Read all users in pages of two; return them in order."""
    count, position, cursor, more = (
        ("first", "after", "endCursor", "hasNextPage")
        if forwards
        else ("last", "before", "startCursor", "hasPreviousPage")
    )
    found, variables = "", dict[str, Any]({count: 2, "by": by})
    while True:
        users = page(**variables).data["users"]
        some = "".join(names(users))
        found = found + some if forwards else some + found
        if not users["pageInfo"][more]:
            return found
        variables[position] = users["pageInfo"][cursor]


@pytest.mark.parametrize(("field", "expected"), ORDERS)
def test_orders_are_total_in_both_directions(page: Page, field: str, expected: str) -> None:
    for forwards in (True, False):
        assert walk(page, {"field": field}, forwards=forwards) == expected
        by = {"field": field, "direction": "DESC"}
        assert walk(page, by, forwards=forwards) == expected[::-1]


def test_default_order_is_by_username(page: Page) -> None:
    assert walk(page, None, forwards=True) == "abcdefghij"
    cursor = page(first=1).data["users"]["pageInfo"]["endCursor"]
    assert names(page(first=1, after=cursor, by={"field": "USERNAME"}).data["users"]) == ["b"]


def test_cursor_of_another_order_is_refused(page: Page) -> None:
    cursor = page(first=1).data["users"]["pageInfo"]["endCursor"]
    for by in ({"field": "EMAIL"}, {"field": "USERNAME", "direction": "DESC"}, {"field": "NAME"}):
        assert page(first=1, after=cursor, by=by).codes == ["CURSOR_INVALID"]


@pytest.mark.parametrize("field", ["EMAIL", "LAST_SEEN"])
def test_private_orders_require_staff(client_of: ClientOf, alice: User, field: str) -> None:
    answer = client_of(alice)(PAGE, first=1, by={"field": field})
    assert answer.codes == ["FORBIDDEN"]
    assert client_of(alice)(PAGE, first=1, by={"field": "NAME"}).codes == []
