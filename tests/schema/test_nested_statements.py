"""Nested connections: number of statements, and the rows they read."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from engine.relay.keyset import Keyset
from engine.relay.window import Window
from tests.schema.test_statements import columns
from tests.support.captured import Statements, bound_statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_user, node_id
from tests.support.partitions import indexes_of_tables
from tests.support.plans import nodes_of
from users.accounts.models import User
from users.organizations.models import Membership, Organization, Role

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

# Statements ------------------------------------------------------------------------------

JOURNEY = """
    { users(first: SIZE) { nodes {
      memberships(first: SIZE) { totalCount { value } nodes { organization {
        members(first: 4) { totalCount { value } nodes { user {
          profile { bio } groups { name } permissions memberships(last: 1) { nodes { role } }
        } } }
      } } }
    } } }
"""


def test_statements_do_not_depend_on_the_number_of_parents(
    client_of: ClientOf, sam: User, statements: Capture
) -> None:
    people = [make_user(f"person-{number:02}") for number in range(20)]
    for number in range(20):
        make_organization(f"Club {number}", *people[number % 5 : number + 1], sam)
    client = client_of(sam)
    for size in (2, 20):
        cache.clear()
        with statements() as captured:
            assert client(JOURNEY.replace("SIZE", str(size))).codes == []
        # Actor; users; memberships with organisations, and their count; members with users, and
        # their count; groups; permissions; memberships.
        assert len(captured) == 9, "\n".join(captured)


def test_null_parents_run_no_statement(
    client_of: ClientOf, sam: User, clubs: list[Organization]
) -> None:
    query = """query ($id: ID!) {
        users(first: 100) { nodes { username } }
        organization(id: $id) { members(first: 1) { nodes {
          user { memberships(first: 100) { nodes { role } } }
        } } }
    }"""
    with bound_statements() as captured:
        assert client_of(sam)(query, id=node_id(clubs[0])).codes == []
    *_others, memberships = [sql for sql in captured if "lateral_parent" in sql]
    assert memberships.count(str(sam.pk)) == 1
    assert str(User.objects.get(username="person-0").pk) not in memberships


# Counts ----------------------------------------------------------------------------------

COUNTS = """
    query ($id: ID!) { user(id: $id) { memberships(first: 9) { nodes { organization {
      members(first: 1) { totalCount { value isExact } }
    } } } } }
"""


def counts_for(client: GraphQLClient, user: User) -> list[dict[str, Any]]:
    nodes = client(COUNTS, id=node_id(user)).data["user"]["memberships"]["nodes"]
    return [node["organization"]["members"]["totalCount"] for node in nodes]


def test_lists_are_counted_in_one_statement(
    client_of: ClientOf, sam: User, clubs: list[Organization], statements: Capture
) -> None:
    with statements() as captured:
        counts = counts_for(client_of(sam), sam)
    assert counts == [{"value": value, "isExact": True} for value in (1, 3, 8, 4)]
    (count,) = [sql for sql in captured if "count(" in sql.lower()]
    assert "LIMIT 10001" in count
    assert "ORDER BY" not in count


def test_long_lists_are_estimated_in_one_more_statement(
    client_of: ClientOf,
    sam: User,
    clubs: list[Organization],
    statements: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = User.objects.bulk_create(
        User(username=f"more-{number}", email=f"{number}@example.com") for number in range(600)
    )
    for organization, some in ((clubs[0], people[:200]), (clubs[3], people)):
        Membership.objects.bulk_create(
            Membership(organization=organization, user=user) for user in some
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE organizations_membership")
    monkeypatch.setattr("engine.relay.total_count.MAX_COUNT", 100)
    with statements() as captured:
        counts = counts_for(client_of(sam), sam)
    assert [count["isExact"] for count in counts] == [False, True, True, False]
    for count, actual in zip(counts, (201, 3, 8, 604), strict=True):
        assert actual * 0.9 <= count["value"] <= actual * 1.1
    assert len([sql for sql in captured if sql.startswith("EXPLAIN")]) == 1


# What PostgreSQL reads -------------------------------------------------------------------


@pytest.fixture
def crowded(sam: User) -> list[Organization]:
    """Return ten organisations with the same 1,000 users."""
    people = User.objects.bulk_create(
        User(username=f"person-{number}", email=f"{number}@example.org") for number in range(1_000)
    )
    organizations = [make_organization(f"Club {number}", sam) for number in range(10)]
    Membership.objects.bulk_create(
        Membership(
            organization=organization,
            user=user,
            role=Role.MEMBER if number % 10 else Role.ADMIN,
        )
        for organization in organizations
        for number, user in enumerate(people)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE organizations_membership")
    return organizations


def scans(sql: str) -> tuple[set[str], float]:
    """Return the scanned indexes or tables of a statement, with the rows read from each."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        ((plans,),) = cursor.fetchall()
    nodes = [node for node in nodes_of(plans[0]["Plan"]) if "Relation Name" in node]
    rows = [
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
    ]
    names = {node.get("Index Name", node["Relation Name"]) for node in nodes}
    return indexes_of_tables(names), sum(rows)


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_pages_scan_an_index_and_few_rows_of_each_parent(
    crowded: list[Organization], statements: Capture, *, backwards: bool
) -> None:
    members = Membership.objects.in_order()
    rows = Membership.objects.all()
    window = Window(size=20, backwards=backwards)
    for queryset, index in (
        (members, "membership_members"),
        (members.filter(role=Role.ADMIN), "membership_members_by_role"),
    ):
        with statements() as captured:
            pages = window.pages(
                queryset, parent="organization", keys=[each.pk for each in crowded], rows=rows
            )
        assert [len(page.rows) for page in pages.values()] == [20] * 10
        (sql,) = captured
        # Each row counts twice: in the index and in the table.
        assert scans(sql) == ({"organizations_membership_pkey", index}, 2 * 10 * 21)


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_deep_pages_read_no_more_rows_than_the_first(
    crowded: list[Organization], statements: Capture, *, backwards: bool
) -> None:
    members = Membership.objects.in_order()
    keyset = Keyset.of(members)
    own = members.filter(organization=crowded[0]).annotate(**keyset.positions())
    deep = keyset.position_of(own[500])
    ends = {"before" if backwards else "after": deep}
    with statements() as captured:
        window = Window(size=20, backwards=backwards, **ends)
        rows = Membership.objects.all()
        window.pages(members, parent="organization", keys=[crowded[0].pk], rows=rows)
    (sql,) = captured
    assert scans(sql) == ({"organizations_membership_pkey", "membership_members"}, 2 * 21)


def test_members_read_few_rows_as_well(client_of: ClientOf, crowded: list[Organization]) -> None:
    alice = make_user("alice")
    for organization in crowded:
        Membership.objects.create(organization=organization, user=alice)
    query = """query ($id: ID!) { user(id: $id) { memberships(first: 20) { nodes { organization {
        members(first: 20) { nodes { role } }
    } } } } }"""
    with bound_statements() as captured:
        assert client_of(alice)(query, id=node_id(alice)).codes == []
    _memberships, members = [sql for sql in captured if "lateral_parent" in sql]
    _scanned, rows = scans(members)
    # In addition to the rows: one check of Alice's membership per row, and one more.
    assert rows <= 4 * 10 * 21


# Columns ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selections", "expected"),
    [
        ("nodes { role }", {"role"}),
        ("edges { node { createdAt } }", {"created_at"}),
        ("nodes { organization { id } }", set()),
        ("nodes { user { id } }", {"user_id"}),
        ("edges { cursor }", {"created_at", "id"}),
        ("pageInfo { hasNextPage }", set()),
    ],
)
def test_only_selected_columns_are_read(
    client_of: ClientOf,
    sam: User,
    clubs: list[Organization],
    statements: Capture,
    selections: str,
    expected: set[str],
) -> None:
    query = (
        f"query ($id: ID!) {{ organization(id: $id) {{ members(first: 2) {{ {selections} }} }} }}"
    )
    with statements() as captured:
        assert client_of(sam)(query, id=node_id(clubs[2])).codes == []
    (sql,) = [each for each in captured if "lateral_parent" in each]
    # The parent's key is always selected.
    assert set(columns(sql)) == {
        f"organizations_membership.{name}" for name in expected | {"organization_id"}
    }
    assert ("keyset_position" in sql) == ("cursor" in selections)
