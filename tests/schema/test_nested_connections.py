"""Nested connections: pages per parent, read in one statement per level (N+1)."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from engine.relay.keyset import Keyset
from engine.relay.window import Window
from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_organization, make_user, node_id
from users.accounts.models import User
from users.organizations.models import Membership, Organization, Role

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

ARGUMENTS = "first: $first, after: $after, last: $last, before: $before"
VARIABLES = "$id: ID!, $first: Int, $after: String, $last: Int, $before: String"
PAGE = """
    edges { cursor node { user { username } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
"""
MEMBERS = f"""
    query ({VARIABLES}) {{ organization(id: $id) {{ members({ARGUMENTS}) {{ {PAGE} }} }} }}
"""
# For all organisations of the user.
ALL_MEMBERS = f"""
    query ({VARIABLES}) {{ user(id: $id) {{ memberships(first: 100) {{ nodes {{ organization {{
      id members({ARGUMENTS}) {{ {PAGE} }}
    }} }} }} }} }}
"""
FORWARDS = ("first", "after", "endCursor", "hasNextPage", "hasPreviousPage")
BACKWARDS = ("last", "before", "startCursor", "hasPreviousPage", "hasNextPage")


def names(members: dict[str, Any]) -> list[str]:
    return [edge["node"]["user"]["username"] for edge in members["edges"]]


def usernames_in(organization: Organization) -> list[str]:
    members = Membership.objects.filter(organization=organization).in_order()
    return list(members.values_list("user__username", flat=True))


def members_of(client: GraphQLClient, organization: Organization, **page: Any) -> dict[str, Any]:
    answer = client(MEMBERS, id=node_id(organization), **page)
    found: dict[str, Any] = answer.data["organization"]["members"]
    return found


def pages(
    client: GraphQLClient, organization: Organization, size: int, direction: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    count, position, cursor, more, _less = direction
    page: dict[str, Any] = {count: size}
    while True:
        members = members_of(client, organization, **page)
        yield members
        if not members["pageInfo"][more]:
            return
        page[position] = members["pageInfo"][cursor]


# Pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [FORWARDS, BACKWARDS], ids=["forwards", "backwards"])
@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 100])
def test_nested_pages_concatenate(
    client_of: ClientOf,
    sam: User,
    clubs: list[Organization],
    size: int,
    direction: tuple[str, ...],
) -> None:
    client = client_of(sam)
    *_names, less = direction
    for organization in clubs:
        found = list(pages(client, organization, size, direction))
        assert [page["pageInfo"][less] for page in found] == [False, *[True] * (len(found) - 1)]
        in_order = found if direction is FORWARDS else found[::-1]
        assert [name for page in in_order for name in names(page)] == usernames_in(organization)
        for page in found:
            assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
            assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]


@pytest.mark.parametrize("page", [{"first": 3}, {"last": 3}, {"first": 100}], ids=str)
def test_batched_pages_equal_single_pages(
    client_of: ClientOf, sam: User, clubs: list[Organization], page: dict[str, int]
) -> None:
    client = client_of(sam)
    together = client(ALL_MEMBERS, id=node_id(sam), **page).data["user"]["memberships"]["nodes"]
    assert [each["organization"] for each in together] == [
        {"id": node_id(organization), "members": members_of(client, organization, **page)}
        for organization in clubs
    ]


def test_page_between_two_cursors(
    client_of: ClientOf, sam: User, clubs: list[Organization]
) -> None:
    client = client_of(sam)
    usernames = usernames_in(clubs[2])
    edges = members_of(client, clubs[2], first=100)["edges"]
    between = {"after": edges[1]["cursor"], "before": edges[6]["cursor"]}
    for page, expected in (
        ({"first": 2}, usernames[2:4]),
        ({"last": 2}, usernames[4:6]),
        ({"first": 9}, usernames[2:6]),
    ):
        assert names(members_of(client, clubs[2], **between, **page)) == expected


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("order", [("role", "id"), ("-role", "-id"), ("-id",)], ids=str)
@pytest.mark.parametrize("size", [1, 3])
def test_equal_values_are_ordered_by_id(
    clubs: list[Organization], order: tuple[str, ...], size: int, *, backwards: bool
) -> None:
    for number, membership in enumerate(Membership.objects.all()):
        Membership.objects.filter(pk=membership.pk).update(role=list(Role)[number % 2])
    everything = Membership.objects.order_by(*order)
    keyset = Keyset.of(everything)
    rows = Membership.objects.annotate(**keyset.positions())
    for organization in clubs:
        key, found, position = organization.pk, list[Membership](), None
        while True:
            ends = {"before" if backwards else "after": position}
            window = Window(size=size, backwards=backwards, **ends)
            page = window.pages(everything, parent="organization", keys=[key], rows=rows)[key]
            found = [*page.rows, *found] if backwards else [*found, *page.rows]
            if not page.more:
                break
            position = keyset.position_of(page.rows[0 if backwards else -1])
        assert found == list(everything.filter(organization=organization))


def test_members_of_a_role(client_of: ClientOf, sam: User, clubs: list[Organization]) -> None:
    owner = User.objects.get(username="person-6")
    Membership.objects.filter(user=owner).update(role=Role.OWNER)
    query = """query ($id: ID!, $role: Role) { user(id: $id) { memberships(first: 9) { nodes {
        organization { members(first: 9, role: $role) { nodes { user { username } } } }
    } } } }"""
    client = client_of(sam)
    found = {
        role: [
            len(each["organization"]["members"]["nodes"])
            for each in client(query, id=node_id(sam), role=role).data["user"]["memberships"][
                "nodes"
            ]
        ]
        for role in ("OWNER", "MEMBER", "ADMIN", None)
    }
    assert found == {
        "OWNER": [0, 0, 1, 0],
        "MEMBER": [1, 3, 7, 4],
        "ADMIN": [0, 0, 0, 0],
        None: [1, 3, 8, 4],
    }


# Cursors ---------------------------------------------------------------------------------


def test_cursors_are_the_same_alone_and_together(
    client_of: ClientOf, sam: User, clubs: list[Organization]
) -> None:
    client = client_of(sam)
    cursors = [
        edge["cursor"]
        for organization in clubs
        for edge in members_of(client, organization, first=100)["edges"]
    ]
    assert len(set(cursors)) == len(cursors) == 16
    together = client(ALL_MEMBERS, id=node_id(sam), last=100).data["user"]["memberships"]["nodes"]
    assert cursors == [
        edge["cursor"] for each in together for edge in each["organization"]["members"]["edges"]
    ]


def assert_refused(answer: Answer, path: list[str | int]) -> None:
    assert answer.codes == ["CURSOR_INVALID"]
    (error,) = answer.body["errors"]
    assert error["path"] == path


@pytest.mark.parametrize("direction", [FORWARDS, BACKWARDS], ids=["forwards", "backwards"])
def test_cursor_of_another_list_is_refused(
    client_of: ClientOf, sam: User, clubs: list[Organization], direction: tuple[str, ...]
) -> None:
    client = client_of(sam)
    count, position, *_names = direction
    one, other = clubs[1], clubs[2]
    cursor = members_of(client, one, first=1)["pageInfo"]["endCursor"]
    of_person = client(
        "query ($id: ID!) { user(id: $id) { memberships(first: 1) { edges { cursor } } } }",
        id=node_id(sam),
    ).data["user"]["memberships"]["edges"][0]["cursor"]
    of_role = client(
        """query ($id: ID!) { organization(id: $id) {
             members(first: 1, role: MEMBER) { edges { cursor } }
           } }""",
        id=node_id(other),
    ).data["organization"]["members"]["edges"][0]["cursor"]
    middle = len(cursor) // 2
    tampered = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
    for organization, wrong in (
        (other, cursor),
        (other, of_person),
        (other, of_role),
        (one, tampered),
        (one, ""),
        (one, "\N{SNOWMAN}"),
    ):
        answer = client(MEMBERS, id=node_id(organization), **{count: 1, position: wrong})
        assert_refused(answer, ["organization", "members"])
        assert answer.body["data"] == {"organization": None}
    assert client(MEMBERS, id=node_id(one), **{count: 1, position: cursor}).codes == []


def test_cursor_of_one_of_several_parents_is_refused_by_the_others(
    client_of: ClientOf, sam: User, clubs: list[Organization]
) -> None:
    client = client_of(sam)
    for number in (0, 1):
        cursor = members_of(client, clubs[number], first=1)["pageInfo"]["endCursor"]
        answer = client(ALL_MEMBERS, id=node_id(sam), first=1, after=cursor)
        refused = 1 - number
        assert_refused(answer, ["user", "memberships", "nodes", refused, "organization", "members"])
    query = ALL_MEMBERS.replace("memberships(first: 100)", "memberships(first: 1)")
    cursor = members_of(client, clubs[0], first=1)["pageInfo"]["endCursor"]
    assert client(query, id=node_id(sam), first=1, after=cursor).codes == []


@pytest.mark.parametrize(
    "page",
    [{}, {"first": 1, "last": 1}, {"first": 0}, {"last": 101}, {"first": -1}],
    ids=str,
)
def test_size_must_be_one_from_1_to_100(
    client_of: ClientOf, sam: User, clubs: list[Organization], page: dict[str, int]
) -> None:
    client = client_of(sam)
    answer = client(MEMBERS, id=node_id(clubs[0]), **page)
    assert (answer.codes, answer.body["data"]) == (["ARGUMENT_INVALID"], {"organization": None})
    assert answer.body["errors"][0]["path"] == ["organization", "members"]
    assert client(ALL_MEMBERS, id=node_id(sam), **page).codes == ["ARGUMENT_INVALID"]


# Who sees what ---------------------------------------------------------------------------


def test_members_are_seen_by_members_and_staff(
    client_of: ClientOf, alice: User, bob: User, charlie: User, sam: User
) -> None:
    gone = make_user("gone", is_active=False)
    usernames = [alice, bob, charlie, gone]
    archers = make_organization("Archers", *usernames)
    for viewer in (alice, bob, charlie, sam):
        edges = members_of(client_of(viewer), archers, first=9)["edges"]
        seen = [edge["node"]["user"]["username"] for edge in edges]
        assert seen == [user.username for user in usernames]
    answer = client_of(make_user("outsider"))(MEMBERS, id=node_id(archers), first=9)
    assert answer.data == {"organization": None}


def test_members_are_not_found_through_a_person_by_outsiders(
    client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    make_organization("Archers", alice, bob)
    make_organization("Bakers", bob)
    query = """query ($id: ID!) { user(id: $id) { memberships(first: 9) {
        nodes { organization { name members(first: 9) { nodes { role } } } }
        totalCount { value }
    } } }"""
    for viewer, expected in (
        (alice, [("Archers", 2)]),
        (bob, [("Archers", 2), ("Bakers", 1)]),
        (sam, [("Archers", 2), ("Bakers", 1)]),
        (make_user("outsider"), []),
    ):
        memberships = client_of(viewer)(query, id=node_id(bob)).data["user"]["memberships"]
        found = [each["organization"] for each in memberships["nodes"]]
        assert [(each["name"], len(each["members"]["nodes"])) for each in found] == expected
        assert memberships["totalCount"] == {"value": len(expected)}


# One field in several places ---------------------------------------------------------------


def test_aliases_fragments_variables_and_directives(
    client_of: ClientOf, sam: User, clubs: list[Organization], statements: Capture
) -> None:
    query = """
        query ($id: ID!, $two: Int, $yes: Boolean!, $no: Boolean!) {
          user(id: $id) { memberships(first: 9) { nodes { organization { ...O } } } }
        }
        fragment O on Organization {
          a: members(first: $two) { nodes { user { username } } }
          b: members(last: 1) { edges { node { user { ...U } } } ...C @include(if: $no) }
          c: members(first: 1) @skip(if: $yes) { nodes { role } }
          d: members(first: 1) @include(if: $yes) { some: nodes { role } ...C @skip(if: $no) }
        }
        fragment C on MembershipConnection { nodes { createdAt @include(if: $no) role } }
        fragment U on User { username }
    """
    client = client_of(sam)
    with statements() as captured:
        answer = client(query, id=node_id(sam), two=2, yes=True, no=False)
    nodes = answer.data["user"]["memberships"]["nodes"]
    for organization, node in zip(clubs, nodes, strict=True):
        users = [{"user": {"username": name}} for name in usernames_in(organization)]
        assert node["organization"] == {
            "a": {"nodes": users[:2]},
            "b": {"edges": [{"node": users[-1]}]},
            "d": {"some": [{"role": "MEMBER"}], "nodes": [{"role": "MEMBER"}]},
        }
    # Actor, user, memberships with organisations; then three lists with their users.
    assert len(captured) == 3 + 3


def test_same_rows_in_two_lists_have_their_own_fields(
    client_of: ClientOf, sam: User, clubs: list[Organization]
) -> None:
    query = """query ($one: ID!, $two: ID!) {
        one: organization(id: $one) { members(first: 1) { nodes { user { ...M } } } }
        two: organization(id: $two) { members(last: 1) { nodes { user { ...M } } } }
    } fragment M on User { memberships(first: 2) { nodes { organization { name } } } }"""
    one, two = clubs[2], clubs[3]
    answer = client_of(sam)(query, one=node_id(one), two=node_id(two)).data
    found = {
        name: [each["organization"]["name"] for each in node["user"]["memberships"]["nodes"]]
        for name in ("one", "two")
        for node in answer[name]["members"]["nodes"]
    }
    assert found == {"one": ["Club 1", "Club 3"], "two": ["Club 8", "Club 4"]}
