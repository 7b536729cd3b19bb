"""Filters of users: selection, combination and permissions."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_external_id, make_organization, make_user, node_id
from users.accounts.models import EmailAddress, Metadata, User
from users.organizations.models import Organization, Role

ClientOf = Callable[[User], GraphQLClient]
Filter = dict[str, Any]
Listing = Callable[..., Answer]

LIST = """
    query ($filter: UserFilter, $by: UserOrder, $first: Int = 100, $after: String) {
      users(filter: $filter, orderBy: $by, first: $first, after: $after) {
        edges { node { username } }
        pageInfo { endCursor hasNextPage }
        totalCount { value }
      }
    }
"""
ORDERS = ["USERNAME", "NAME", "EMAIL", "JOINED", "LAST_SEEN"]
ID_NAMES = {"group", "groupId", "organization", "organizationId"}
MEMBERSHIP: Filter = {"membership": {"organization": "archers"}}


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, number, tzinfo=dt.UTC)


@pytest.fixture
def ids(db: None) -> dict[str, str]:
    """Create users who differ in all fields; return ids by name."""
    created = [
        make_user(
            name,
            email=f"{name}@{domain}",
            is_active=is_active,
            is_staff=is_staff,
            email_verified_at=day(1) if verified else None,
            is_public=True,
            locale=locale,
            date_joined=day(joined),
            seen=day(seen) if seen else None,
        )
        for name, domain, is_active, is_staff, verified, locale, joined, seen in (
            ("ann", "example.org", True, False, True, "en", 1, 9),
            ("ben", "example.org", False, False, True, "de", 2, 3),
            ("cleo", "example.com", True, True, False, "en", 3, None),
            ("dan", "sub.example.org", True, False, False, "de", 4, 8),
        )
    ]
    editors, empty = Group.objects.create(name="Editors"), Group.objects.create(name="Empty")
    editors.user_set.add(created[0], created[2])
    Metadata.objects.create(user=created[0], public={"plan": "team"}, private={"crm": {"id": 1}})
    Metadata.objects.create(user=created[1], public={"plan": "team", "on": True})
    archers = make_organization("Archers", created[0], role=Role.OWNER)
    bakers = make_organization("Bakers", created[1], created[2])
    archers.memberships.create(user=created[3])
    bakers.memberships.create(user=created[3], role=Role.OWNER)
    EmailAddress.objects.create(user=created[3], email="second@example.net", verified_at=day(1))
    make_external_id(created[1], "17", source="crm")
    make_external_id(created[3], "17")
    rows = {"editors": editors, "empty": empty, "archers": archers, "bakers": bakers}
    return {name: node_id(row) for name, row in rows.items()} | {"ann": node_id(created[0])}


@pytest.fixture
def listing(client_of: ClientOf, ids: dict[str, str]) -> Listing:
    """List users as a staff user; names stand for ids."""
    client = client_of(User.objects.get(username="cleo"))
    return lambda filter, **variables: client(LIST, filter=_with_ids(filter, ids), **variables)


def _with_ids(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: ids[inner] if name in ID_NAMES else _with_ids(inner, ids)
            for name, inner in value.items()
        } | {
            name: [ids.get(each, each) for each in inner]
            for name, inner in value.items()
            if name == "ids"
        }
    return [_with_ids(inner, ids) for inner in value] if isinstance(value, list) else value


def initials(answer: Answer) -> str:
    assert answer.codes == []
    return "".join(edge["node"]["username"][0] for edge in answer.data["users"]["edges"])


SELECTED: list[tuple[Filter | None, str]] = [
    ({}, "abcd"),
    (None, "abcd"),
    ({"isActive": None, "or": None}, "abcd"),
    ({"isActive": True}, "acd"),
    ({"isActive": False}, "b"),
    ({"isVerified": True}, "ab"),
    ({"isVerified": False}, "cd"),
    ({"isStaff": True}, "c"),
    ({"isSuperuser": True}, ""),
    ({"publicMetadata": {"plan": "team"}}, "ab"),
    ({"publicMetadata": {"on": True, "plan": "team"}}, "b"),
    ({"privateMetadata": {"crm": {"id": 1}}}, "a"),
    ({"not": {"publicMetadata": {"plan": "team"}}}, "cd"),
    ({"isStaff": False}, "abd"),
    ({"externalId": {"source": "crm", "value": "17"}}, "b"),
    ({"externalId": {"value": "17"}}, "d"),
    ({"externalId": {"source": "crm", "value": "1"}}, ""),
    ({"externalId": {"source": "\0", "value": "\0"}}, ""),
    ({"not": {"externalId": {"source": "crm", "value": "17"}}}, "acd"),
    ({"group": "editors"}, "ac"),
    ({"groupId": "editors"}, "ac"),
    ({"groupId": "editors", "group": "empty"}, "ac"),
    ({"group": "empty"}, ""),
    ({"group": "archers"}, ""),
    ({"membership": {}}, "abcd"),
    ({"membership": {"organization": "archers"}}, "ad"),
    ({"membership": {"organizationId": "archers"}}, "ad"),
    ({"membership": {"role": "OWNER"}}, "ad"),
    ({"membership": {"organization": "archers", "role": "OWNER"}}, "a"),
    ({"membership": {"organization": "archers", "role": "ADMIN"}}, ""),
    ({"membership": {"organization": "editors"}}, ""),
    ({"joined": {}}, "abcd"),
    ({"joined": {"since": "2026-01-02T00:00:00Z"}}, "bcd"),
    ({"joined": {"before": "2026-01-03T00:00:00Z"}}, "ab"),
    ({"joined": {"since": "2026-01-02T00:00:00Z", "before": "2026-01-03T00:00:00Z"}}, "b"),
    ({"joined": {"since": "2026-01-02T01:00:00+01:00", "before": "2026-01-03T00:00:00Z"}}, "b"),
    ({"lastSeen": {"since": "2026-01-08T00:00:00Z"}}, "ad"),
    # Users who were never seen sort as the earliest.
    ({"lastSeen": {"before": "2026-01-08T00:00:00Z"}}, "bc"),
    ({"emailDomain": "example.org"}, "ab"),
    ({"emailDomain": "EXAMPLE.org"}, "ab"),
    ({"emailDomain": "org"}, ""),
    ({"emailDomain": "%"}, ""),
    ({"locale": "de"}, "bd"),
    ({"locale": "fr"}, ""),
    ({"isActive": True, "isVerified": True}, "a"),
    ({"and": [{"isActive": True}, {"isVerified": True}]}, "a"),
    ({"and": []}, "abcd"),
    ({"or": [{"isActive": False}, {"isStaff": True}]}, "bc"),
    ({"or": [{"isActive": False}]}, "b"),
    ({"or": [{"isStaff": True}, {"joined": {}}]}, "abcd"),
    ({"not": {"joined": {}}}, ""),
    ({"or": [{"isStaff": True}, {"not": {"joined": {}}}]}, "c"),
    ({"not": {"isActive": True}}, "b"),
    ({"not": {"locale": "de"}}, "ac"),
    ({"not": {"group": "editors"}}, "bd"),
    ({"not": {"lastSeen": {"since": "2026-01-05T00:00:00Z"}}}, "bc"),
    ({"not": {"emailDomain": "example.org"}}, "cd"),
    ({"not": MEMBERSHIP}, "bc"),
    ({"not": {"not": MEMBERSHIP}}, "ad"),
    ({"not": {"or": [{"isActive": False}, {"isStaff": True}]}}, "ad"),
    ({"not": {"isActive": True, "isVerified": True}}, "bcd"),
    ({"username": "ben"}, "b"),
    ({"username": " BEN"}, "b"),
    ({"username": "be"}, ""),
    ({"username": "ben@example.org"}, ""),
    ({"not": {"username": "ben"}}, "acd"),
    ({"email": "ann@example.org"}, "a"),
    ({"email": "Ann@EXAMPLE.org"}, "a"),
    ({"email": "second@example.net"}, "d"),
    ({"email": "ann"}, ""),
    ({"email": "unknown@example.org"}, ""),
    ({"not": {"email": "unknown@example.org"}}, "abcd"),
    ({"not": {"email": "second@example.net"}}, "abc"),
    ({"or": [{"email": "ann@example.org"}, {"username": "dan"}]}, "ad"),
    ({"ids": ["ann", "editors", "nonsense"]}, "a"),
    ({"ids": []}, ""),
    ({"not": {"ids": ["ann"]}}, "bcd"),
    ({"isVerified": False, "or": [{"locale": "de"}, {"group": "editors"}]}, "cd"),
    ({"or": [{"and": [{"locale": "de"}, {"isActive": True}]}, {"group": "editors"}]}, "acd"),
    ({"emailDomain": "example.org", "joined": {"since": "2026-01-02T00:00:00Z"}}, "b"),
]


@pytest.mark.parametrize(("filter", "expected"), SELECTED, ids=lambda value: str(value)[:60])
def test_filters_select_in_every_order_and_count(
    listing: Listing, filter: Filter | None, expected: str
) -> None:
    for field in ORDERS:
        for direction in ("ASC", "DESC"):
            answer = listing(filter, by={"field": field, "direction": direction})
            assert sorted(initials(answer)) == sorted(expected)
            assert answer.data["users"]["totalCount"]["value"] == len(expected)
    assert initials(listing(filter)) == expected


def test_each_filter_is_tried() -> None:
    schema_fields = {
        *("isActive", "isVerified", "isStaff", "isSuperuser", "group", "membership", "joined"),
        *("lastSeen", "emailDomain", "locale", "publicMetadata", "privateMetadata"),
        *("ids", "username", "email", "groupId", "externalId", "and", "or", "not"),
    }
    query = '{ __type(name: "UserFilter") { inputFields(includeDeprecated: true) { name } } }'
    fields = GraphQLClient()(query).data
    assert {field["name"] for field in fields["__type"]["inputFields"]} == schema_fields
    tried = {name for filter, _expected in SELECTED for name in filter or ()}
    assert tried == schema_fields


def test_pages_of_filtered_users_concatenate(listing: Listing) -> None:
    filter, pages, after = {"not": {"isStaff": True}}, "", None
    while True:
        answer = listing(filter, by={"field": "JOINED"}, first=1, after=after)
        pages += initials(answer)
        info = answer.data["users"]["pageInfo"]
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]
    assert pages == "abd"


def test_cursor_belongs_to_the_filter(listing: Listing) -> None:
    cursor = listing({"isActive": True}, first=1).data["users"]["pageInfo"]["endCursor"]
    for filter in ({}, {"isActive": False}, {"isActive": True, "isStaff": False}):
        assert listing(filter, after=cursor).codes == ["CURSOR_INVALID"]
    assert initials(listing({"isActive": True}, after=cursor)) == "cd"


# Invalid filters -------------------------------------------------------------------------


def nested(depth: int) -> Filter:
    filter: Filter = {"isActive": True}
    for _level in range(depth - 1):
        filter = {"not": filter}
    return filter


@pytest.mark.parametrize(
    "filter",
    [
        {"or": []},
        {"or": [{}]},
        {"and": [{"isActive": True}, {}]},
        {"not": {}},
        {"not": {"isActive": None}},
        nested(6),
        nested(50),
        {"or": [{"isActive": True}] * 20},
        {"ids": ["x"] * 101},
    ],
    ids=lambda value: str(value)[:30],
)
def test_empty_or_excessive_filters_are_refused(listing: Listing, filter: Filter) -> None:
    assert listing(filter).codes == ["ARGUMENT_INVALID"]


def test_largest_filters_are_served(listing: Listing) -> None:
    assert initials(listing(nested(5))) == "acd"
    assert initials(listing({"or": [{"isActive": False}] * 19})) == "b"


@pytest.mark.parametrize(
    ("depth", "code"),
    [
        *((depth, "ARGUMENT_INVALID") for depth in (50, 100, 150)),
        *((depth, "GRAPHQL_VARIABLES_INVALID") for depth in (300, 990)),
        (1_000, "VARIABLES_TOO_LARGE"),
        *((depth, "BAD_REQUEST") for depth in (2_000, 10_000)),
    ],
)
def test_filters_nested_without_end_are_refused(
    client_of: ClientOf, sam: User, depth: int, code: str
) -> None:
    filter = '{"not": ' * (depth - 1) + '{"isActive": true}' + "}" * (depth - 1)
    query = "query ($f: UserFilter) { users(first: 1, filter: $f) { edges { cursor } } }"
    body = f'{{"query": "{query}", "variables": {{"f": {filter}}}}}'
    assert client_of(sam).post(body).codes == [code]


@pytest.mark.parametrize(
    "filter",
    [
        {"isActive": "yes"},
        {"joined": {"since": "yesterday"}},
        {"joined": {"since": "2026-01-02T00:00:00"}},
        {"membership": {"role": "KING"}},
        {"username": {"regex": "(a+)+"}},
        {"ids": {"a": 1}},
    ],
    ids=ascii,
)
def test_values_of_other_types_are_refused(client_of: ClientOf, sam: User, filter: Filter) -> None:
    answer = client_of(sam)(LIST, filter=filter)
    assert answer.codes == ["GRAPHQL_VARIABLES_INVALID"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"group": "nonsense"}, []),
        ({"membership": {"organization": "\0"}}, []),
        ({"emailDomain": "a\0b"}, []),
        ({"emailDomain": "x" * 10_000}, []),
        ({"locale": "\0"}, []),
        ({"username": "a\0b"}, []),
        ({"username": "x" * 10_000}, []),
        ({"email": "a\0@b.example"}, []),
        ({"email": "x" * 10_000}, []),
        ({"joined": {"since": "9999-12-31T23:59:59-14:00"}}, []),
        ({"joined": {"since": "0001-01-01T00:00:00+14:00"}}, ["sam"]),
        ({"joined": {"since": "2026-02-01T00:00:00Z", "before": "2026-01-01T00:00:00Z"}}, []),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_unmatched_values_return_no_users(
    client_of: ClientOf, sam: User, filter: Filter, expected: list[str]
) -> None:
    for by in ({"field": "JOINED"}, {"field": "USERNAME"}):
        users = client_of(sam)(LIST, filter=filter, by=by).data["users"]
        assert [edge["node"]["username"] for edge in users["edges"]] == expected


# Permissions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "filter",
    [
        *({name: True} for name in ("isActive", "isVerified", "isStaff", "isSuperuser")),
        {"group": "editors"},
        {"groupId": "editors"},
        {"lastSeen": {"since": "2026-01-01T00:00:00Z"}},
        {"emailDomain": "example.org"},
        {"email": "ann@example.org"},
        {"email": "unknown@example.org"},
        {"not": {"email": "alice@example.org"}},
        {"locale": "de"},
        {"or": [{"joined": {}}, {"not": {"locale": "de"}}]},
    ],
    ids=str,
)
def test_private_filters_require_staff(
    client_of: ClientOf, ids: dict[str, str], alice: User, filter: Filter
) -> None:
    answer = client_of(alice)(LIST, filter=_with_ids(filter, ids))
    assert answer.codes == ["FORBIDDEN"]


def test_users_filter_by_visible_fields(client_of: ClientOf, ids: dict[str, str]) -> None:
    def seen(filter: Filter) -> str:
        client = client_of(User.objects.get(username="ann"))
        return initials(client(LIST, filter=_with_ids(filter, ids)))

    assert seen({"joined": {"since": "2026-01-03T00:00:00Z"}}) == "cd"
    # Ann is a member of the archers and cannot see the bakers.
    assert seen(MEMBERSHIP) == "ad"
    assert seen({"membership": {"organization": "bakers"}}) == ""
    assert seen({"username": "dan"}) == "d"
    assert seen({"username": "ben"}) == ""
    assert seen({"ids": ["ann"]}) == "a"
    assert seen({"membership": {"role": "OWNER"}}) == "a"
    assert Organization.objects.count() == 2
