"""Keyset pagination of users; cursors reveal nothing."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from core.security.crypto import seal
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_user
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

PAGE = """
    query (
      $first: Int, $after: String, $last: Int, $before: String, $by: UserOrder
    ) {
      users(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {
        edges { cursor node { username } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
"""
# In the collation order of the database: by code point.
NAMES = ["a.b", "a_b", "aa", "b-1", "b-2", "sam", "z", "é", "ж", "山"]


@pytest.fixture
def page(client_of: ClientOf, sam: User) -> Callable[..., Answer]:
    """Query pages of `NAMES`, as staff."""
    for name in NAMES:
        if name != "sam":
            make_user(name, email=f"{NAMES.index(name)}@example.org")
    client = client_of(sam)
    return lambda **variables: client(PAGE, **variables)


def names(users: dict[str, Any]) -> list[str]:
    return [edge["node"]["username"] for edge in users["edges"]]


def cursors(page: Callable[..., Answer]) -> dict[str, str]:
    """Return the cursors of all users."""
    edges = page(first=100).data["users"]["edges"]
    return {edge["node"]["username"]: edge["cursor"] for edge in edges}


# Pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 10, 11, 100])
def test_pages_concatenate_to_the_whole_list(page: Callable[..., Answer], size: int) -> None:
    for count, position, info_cursor, more, less, from_front in (
        ("first", "after", "endCursor", "hasNextPage", "hasPreviousPage", True),
        ("last", "before", "startCursor", "hasPreviousPage", "hasNextPage", False),
    ):
        found: list[str] = []
        variables: dict[str, Any] = {count: size}
        while True:
            users = page(**variables).data["users"]
            info = users["pageInfo"]
            found = found + names(users) if from_front else names(users) + found
            assert info["startCursor"] == users["edges"][0]["cursor"]
            assert info["endCursor"] == users["edges"][-1]["cursor"]
            assert info[less] == (position in variables)
            if not info[more]:
                break
            assert len(users["edges"]) == size
            variables[position] = info[info_cursor]
        assert found == NAMES


def test_page_between_two_cursors(page: Callable[..., Answer]) -> None:
    at = cursors(page)
    between = {"after": at["aa"], "before": at["z"]}
    for variables, expected in (
        ({"first": 2}, ["b-1", "b-2"]),
        ({"last": 2}, ["b-2", "sam"]),
        ({"first": 9}, ["b-1", "b-2", "sam"]),
        ({"last": 9}, ["b-1", "b-2", "sam"]),
    ):
        assert names(page(**between, **variables).data["users"]) == expected
    assert names(page(after=at["z"], before=at["aa"], first=9).data["users"]) == []


def test_pages_beyond_the_ends_are_empty(page: Callable[..., Answer]) -> None:
    at = cursors(page)
    for variables in ({"first": 3, "after": at["山"]}, {"last": 3, "before": at["a.b"]}):
        users = page(**variables).data["users"]
        assert users["edges"] == []
        info = users["pageInfo"]
        assert (info["startCursor"], info["endCursor"]) == (None, None)
        assert info["hasNextPage"] == ("before" in variables)
        assert info["hasPreviousPage"] == ("after" in variables)


def test_pages_are_stable_under_concurrent_changes(page: Callable[..., Answer]) -> None:
    first = page(first=3).data["users"]
    assert names(first) == NAMES[:3]
    # Insert a row before and after the position; delete the row at it and the next.
    make_user("a0")
    make_user("b-0")
    User.objects.filter(username__in=["aa", "b-1"]).delete()
    rest = page(first=100, after=first["pageInfo"]["endCursor"]).data["users"]
    assert names(rest) == ["b-0", *NAMES[4:]]
    back = page(last=100, before=rest["pageInfo"]["startCursor"]).data["users"]
    assert names(back) == ["a.b", "a0", "a_b"]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"first": None, "last": None},
        {"first": 1, "last": 1},
        {"first": 0},
        {"first": -1},
        {"first": 101},
        {"last": 0},
        {"last": -1},
        {"last": 101},
        {"first": 2**31 - 1},
        {"last": -(2**31)},
    ],
    ids=str,
)
def test_size_must_be_one_from_1_to_100(
    page: Callable[..., Answer], variables: dict[str, int]
) -> None:
    answer = page(**variables)
    assert (answer.codes, answer.body["data"]) == (["ARGUMENT_INVALID"], None)


def test_last_may_be_given_with_first_null(page: Callable[..., Answer]) -> None:
    assert names(page(first=None, last=1, after=None, before=None).data["users"]) == ["山"]


# Cursors ---------------------------------------------------------------------------------


def forms_of(text: str) -> set[bytes]:
    """Return the text as bytes, and its base64 forms at each alignment."""
    plain = text.encode()
    forms = {plain, plain.hex().encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + plain)
        # Without the characters that share bits with neighbours.
        forms.add(encoded[-(-shift * 8 // 6) : len(plain) * 8 // 6])
    return forms


def test_cursors_reveal_nothing_about_the_row(page: Callable[..., Answer]) -> None:
    username = "maximiliane.mustermann"
    user = make_user(username)
    cursor = cursors(page)[username]
    padded = cursor + "=" * (-len(cursor) % 4)
    raw = base64.urlsafe_b64decode(padded)
    for secret in (username, user.email, str(user.pk), "username"):
        for form in forms_of(secret):
            assert form not in cursor.encode()
            assert form not in raw
    assert user.pk.bytes not in raw


def test_cursors_are_deterministic_and_unique(page: Callable[..., Answer]) -> None:
    at = cursors(page)
    assert at == cursors(page)
    assert len(set(at.values())) == len(NAMES)
    assert all(cursor.isascii() for cursor in at.values())


def test_cursor_of_a_deleted_row_still_works(page: Callable[..., Answer]) -> None:
    at = cursors(page)
    User.objects.filter(username="aa").delete()
    assert names(page(first=1, after=at["aa"]).data["users"]) == ["b-1"]


def test_forged_cursor_is_refused(page: Callable[..., Answer], settings: Any) -> None:
    cursor = cursors(page)["aa"]
    middle = len(cursor) // 2
    flipped = "A" if cursor[middle] != "A" else "B"
    good = {"purpose": "cursor", "context": "UserConnection.(F(username),)"}
    assert seal(b'["aa"]', **good) == cursor
    forged = [
        "",
        "x",
        "aa",
        "\N{SNOWMAN}",
        cursor[:-1],
        cursor[1:],
        cursor + "AAAA",
        cursor[:middle] + flipped + cursor[middle + 1 :],
        cursor.swapcase(),
        base64.b64encode(b"aa").decode(),
        base64.b64encode(b"arrayconnection:1").decode(),
        "x" * 10_000,
        seal(b'["aa","b"]', **good),
        seal(b"[]", **good),
        seal(b'["aa"]', **good | {"purpose": "other"}),
        seal(b'["aa"]', **good | {"context": "UserConnection.(F(email),)"}),
        seal(b'["aa"]', **good | {"context": "OtherConnection.(F(username),)"}),
    ]
    secret_key, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret-key-another-secret-key"
    forged.append(seal(b'["aa"]', **good))
    settings.SECRET_KEY = secret_key
    for value in forged:
        for variables in ({"first": 1, "after": value}, {"last": 1, "before": value}):
            answer = page(**variables)
            assert answer.codes == ["CURSOR_INVALID"], value
            assert answer.body["data"] is None
