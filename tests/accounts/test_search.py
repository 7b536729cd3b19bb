"""Search for users by any parts of names."""

from collections.abc import Callable
from typing import Any

import pytest

from core.database.search import texts
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_user
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]
Search = Callable[..., Answer]

SEARCH = """
    query ($text: String, $by: UserOrder, $first: Int = 100, $after: String, $filter: UserFilter) {
      users(search: $text, orderBy: $by, first: $first, after: $after, filter: $filter) {
        edges { node { username } }
        pageInfo { endCursor hasNextPage }
        totalCount { value isExact }
        isTruncated
      }
    }
"""
# Username, name, address.
PEOPLE = [
    ("zoe", "Zoë Ångström", "zoe.a@physics.example"),
    ("jlpicard", "Jean-Luc Picard", "captain@enterprise.example"),
    ("obrien", "Miles O’Brien", "miles@enterprise.example"),
    ("vu", "Vũ Thị Lan", "lan@example.org"),
    ("strasse", "Max Straße", "max@example.org"),
    ("yamada", "山田 太郎", "taro@example.org"),
    ("jean", "Jean Moulin", "jean@example.org"),
    ("jeanne", "Jeanne Moreau", "jm@example.org"),
    ("ljean", "Lucie Jeanmaire", "lj@example.org"),
    ("mariya", "Мария Ёлкина", "m@example.org"),
    ("tanaka", "田中太郎", "tanaka@example.org"),
    ("kim", "김철수", "kim@example.org"),
    ("muhammad", "مُحَمَّد", "muhammad@example.org"),
    ("nikos", "Νίκος", "nikos@example.org"),
    ("neha", "नेहा विष्णु", "neha@example.org"),
    ("thanaphon", "ธนพล", "thanaphon@example.org"),
    ("irem", "İrem Işık", "irem@example.org"),
    ("nasrin", "نسرین می‌نا", "nasrin@example.org"),
    ("gala", "Gal·la", "gala@example.org"),
]


@pytest.fixture
def searchable_users(db: None) -> None:
    for username, name, email in PEOPLE:
        make_user(username, name=name, email=email, is_public=True)


@pytest.fixture
def search(client_of: ClientOf, searchable_users: None, sam: User) -> Search:
    """Search as staff."""
    return lambda text, **variables: client_of(sam)(SEARCH, text=text, **variables)


def found(answer: Answer) -> list[str]:
    assert answer.codes == []
    return [edge["node"]["username"] for edge in answer.data["users"]["edges"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("picard", ["jlpicard"]),
        ("PICARD", ["jlpicard"]),
        ("icar", ["jlpicard"]),
        ("jean-luc", ["jlpicard"]),
        ("luc jean pic", ["jlpicard"]),
        ("  picard\t jean\n", ["jlpicard"]),
        ("picard unknown", []),
        # Accents, ligatures and compatibility forms.
        ("zoe angstrom", ["zoe"]),
        ("ZOË ÅNGSTRÖM", ["zoe"]),
        ("Zoe\N{COMBINING DIAERESIS}", ["zoe"]),
        ("vu thi", ["vu"]),
        ("strasse", ["strasse"]),
        ("\N{FULLWIDTH LATIN SMALL LETTER P}icard", ["jlpicard"]),
        # Two letters match the beginning of a word, three match anywhere.
        ("pi", ["jlpicard"]),
        ("ca", ["jlpicard"]),
        ("ar", []),
        ("car", ["jlpicard"]),
        ("a z", ["zoe"]),
        # Ideographs and syllables anywhere, however few.
        ("太郎", ["yamada", "tanaka"]),
        ("中太", ["tanaka"]),
        ("太田", []),
        ("山田太郎", ["yamada"]),
        ("山", ["yamada"]),
        ("田", ["yamada", "tanaka"]),
        ("太郎 tanaka", ["tanaka"]),
        ("철수", ["kim"]),
        # Other scripts, whatever the case, the accents and the vowel points.
        ("МАРИЯ", ["mariya"]),
        ("елкин", ["mariya"]),
        ("محمد", ["muhammad"]),
        ("محم", ["muhammad"]),
        ("مینا", ["nasrin"]),
        ("ΝΙΚΟΣ", ["nikos"]),
        ("νίκος", ["nikos"]),
        ("नेहा", ["neha"]),
        ("ष्णु", ["neha"]),
        ("ธนพล", ["thanaphon"]),
        ("irem isik", ["irem"]),
        ("İREM", ["irem"]),
        # Non-letters separate words.
        ("o'brien", ["obrien"]),
        ("OBrien", ["obrien"]),
        ("O\N{ACUTE ACCENT}Brien", ["obrien"]),
        ("brien", ["obrien"]),
        ("galla", ["gala"]),
        ("\N{MODIFIER LETTER APOSTROPHE}", "ARGUMENT_INVALID"),
        ("%", "ARGUMENT_INVALID"),
        ("p%d", []),
        ("j_an", []),
        ("\\", "ARGUMENT_INVALID"),
        # Addresses.
        ("enterprise picard", ["jlpicard"]),
        ("captain@enterprise.example", ["jlpicard"]),
        ("@physics", ["zoe"]),
    ],
)
def test_users_are_found_by_substrings(
    search: Search, text: str, expected: list[str] | str
) -> None:
    answer = search(text)
    if isinstance(expected, str):
        assert answer.codes == [expected]
    else:
        assert found(answer) == expected


def test_best_match_is_first(search: Search) -> None:
    # A whole word in the shorter text, a whole word, a prefix; then by length.
    assert found(search("jean")) == ["jean", "jlpicard", "jeanne", "ljean"]
    # Matches inside words rank equally, so the shorter text comes first.
    assert found(search("ean")) == ["jean", "jeanne", "ljean", "jlpicard"]


def test_chosen_order_is_kept(search: Search) -> None:
    by = {"field": "USERNAME", "direction": "DESC"}
    assert found(search("jean", by=by)) == ["ljean", "jlpicard", "jeanne", "jean"]


@pytest.mark.parametrize("by", [None, {"field": "NAME"}])
def test_pages_concatenate_to_what_was_found(search: Search, by: dict[str, str] | None) -> None:
    all_users = found(search("jean", by=by))
    pages: list[str] = []
    after = None
    while True:
        answer = search("jean", by=by, first=1, after=after)
        pages += found(answer)
        info = answer.data["users"]["pageInfo"]
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]
    assert pages == all_users


def test_cursor_belongs_to_the_search(search: Search) -> None:
    cursor = search("jean", first=1).data["users"]["pageInfo"]["endCursor"]
    for text, by in (("jea", None), (None, None), ("jean", {"field": "USERNAME"})):
        assert search(text, by=by, after=cursor).codes == ["CURSOR_INVALID"]


def test_search_results_are_counted(search: Search) -> None:
    users = search("jean", first=1).data["users"]
    assert users["totalCount"] == {"value": 4, "isExact": True}
    assert users["isTruncated"] is False


def test_truncated_results_are_reported(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts.Rank, "candidates", 2)
    answer = search("jean")
    assert len(found(answer)) == 2
    assert answer.data["users"]["isTruncated"] is True
    assert answer.data["users"]["totalCount"] == {"value": 4, "isExact": True}
    # With an explicit order, no user is omitted.
    answer = search("jean", by={"field": "NAME"})
    assert len(found(answer)) == 4
    assert answer.data["users"]["isTruncated"] is False


def test_addresses_are_searched_for_staff_alone(
    client_of: ClientOf, searchable_users: None, alice: User
) -> None:
    def seen(text: str, **variables: Any) -> list[str]:
        return found(client_of(alice)(SEARCH, text=text, **variables))

    assert seen("picard") == ["jlpicard"]
    for text in ("enterprise", "picard enterprise", "captain@enterprise.example"):
        assert seen(text) == []
        assert seen(text, by={"field": "USERNAME"}) == []


def test_search_respects_visibility(
    client_of: ClientOf, searchable_users: None, alice: User
) -> None:
    User.objects.filter(username="jean").update(is_public=False)
    User.objects.filter(username="ljean").update(is_active=False)
    assert found(client_of(alice)(SEARCH, text="jean")) == ["jlpicard", "jeanne"]
    assert found(client_of(alice)(SEARCH, text="alice")) == ["alice"]


def test_search_and_filter_hold_together(search: Search) -> None:
    User.objects.filter(username="jean").update(is_active=False)
    for by, expected in ((None, ["jean"]), ({"field": "NAME"}, ["jean"])):
        assert found(search("jean", by=by, filter={"isActive": False})) == expected


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_empty_searches_are_no_filter(search: Search, text: str) -> None:
    assert found(search(text)) == found(search(None))


@pytest.mark.parametrize("text", ["٣", "٣ ٤", "ߊ߁", "zoe ٣"])
def test_word_of_which_folding_leaves_nothing_finds_no_user(search: Search, text: str) -> None:
    assert found(search(text)) == []


def test_search_reflects_changes(search: Search) -> None:
    User.objects.filter(username="jean").update(name="Jean Dupont")
    assert found(search("dupont")) == ["jean"]
    assert found(search("moulin")) == []


@pytest.mark.parametrize(
    "text",
    [
        *("-", "@ .", "\0", "picard\0", "é" * 101, "x" * 10_000),
        " ".join("abcdefghijk"),
        "e" + "\N{COMBINING ACUTE ACCENT}" * 5_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_invalid_searches_are_refused(search: Search, text: str) -> None:
    assert search(text).codes == ["ARGUMENT_INVALID"]


def test_empty_search_returns_all_users(search: Search) -> None:
    assert len(found(search(None))) == len(PEOPLE) + 1
