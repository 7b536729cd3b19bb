"""How many SQL statements an operation takes, and what they read: by its shape, never its data."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from graphql import FieldNode, OperationDefinitionNode, parse

from core.actor import Actor
from schema.root import schema
from tests.client import GraphQLClient
from tests.conftest import Statements
from tests.factories import (
    make_crowd,
    make_organization,
    make_organization_invitation,
    make_session,
    node_id,
)
from users.accounts.models import User
from users.accounts.services.administration import change_user
from users.accounts.services.groups import save_group
from users.activity.record import record
from users.activity.tags import Tag
from users.organizations.models import Organization

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

PERSON = """
    id username name dateJoined lastSeenAt isPublic email emailVerifiedAt isActive isStaff
    isSuperuser
"""
EVERYTHING = f"""
    {PERSON} profile {{ bio website locale timeZone }} groups {{ id name permissions }} permissions
    activeSessionCount suspension {{ reason until createdAt }}
    memberships(first: 5) {{ nodes {{
      role createdAt user {{ id }}
      organization {{ id name createdAt members(first: 2) {{ nodes {{ role }} }} }}
    }} }}
"""
INVITATION = "id email role createdAt expiresAt inviter { id username }"
ORGANIZATION = f"""
    id name createdAt myRole invitations {{ {INVITATION} }} members(first: 2) {{ nodes {{ role }} }}
"""
SESSION = """
    id device browser operatingSystem userAgent ip createdAt lastSeenAt expiresAt isCurrent
    user { id username }
"""
EVENT = """
    id tag createdAt data ip userAgent personal actor { id username } subject { id username }
"""

# Signed in as staff, nothing cached. One statement is for the actor, the others are for:
STATEMENTS = [
    ("the person", "{ me { id } }", 2),
    ("the person's own columns", f"{{ me {{ {PERSON} }} }}", 2),
    ("the person with the profile", "{ me { profile { bio locale } } }", 2),
    ("the person, groups", "{ me { groups { name } } }", 3),
    ("the person, groups, their permissions", "{ me { groups { permissions } } }", 4),
    ("the person, suspension", "{ me { suspension { reason } } }", 3),
    ("the person, permissions", "{ me { permissions } }", 3),
    ("the person, sessions", "{ me { activeSessionCount } }", 3),
    ("the person, memberships", "{ me { memberships(first: 9) { nodes { role } } } }", 3),
    (
        "the person, memberships, organisations",
        "{ me { memberships(first: 9) { edges { node { organization { id } } } } } }",
        4,
    ),
    (
        "the person, memberships, counted",
        "{ me { memberships(first: 9) { totalCount { value } } } }",
        4,
    ),
    ("the same and groups, permissions, sessions", f"{{ me {{ {EVERYTHING} }} }}", 11),
    ("a person", "{ user(id: $user) { id } }", 2),
    ("a person and all of the above", f"{{ user(id: $user) {{ {EVERYTHING} }} }}", 11),
    ("nothing, for an id of nothing", '{ user(id: "x") { id } }', 1),
    ("a person by node", f"{{ node(id: $user) {{ ... on User {{ {EVERYTHING} }} }} }}", 11),
    ("an organisation by node", "{ node(id: $organization) { ... on Organization { name } } }", 2),
    ("nothing, for a node of nothing", '{ node(id: "x") { id } }', 1),
    ("an organisation", "{ organization(id: $organization) { id name createdAt } }", 2),
    ("an organisation, one's role", "{ organization(id: $organization) { name myRole } }", 2),
    (
        "an organisation, members, invitations, inviters",
        f"{{ organization(id: $organization) {{ {ORGANIZATION} }} }}",
        5,
    ),
    ("organisations", "{ organizations(first: $n) { edges { node { id } } } }", 2),
    (
        "organisations by CREATED",
        "{ organizations(first: $n, orderBy: {field: CREATED}) { edges { cursor } } }",
        2,
    ),
    (
        "organisations and everything",
        f"{{ organizations(first: $n) {{ edges {{ node {{ {ORGANIZATION} }} }} }} }}",
        5,
    ),
    (
        "an organisation, members, people with profiles, groups",
        """{ organization(id: $organization) {
             members(first: $n) { nodes { role user { id profile { bio } groups { name } } } }
           } }""",
        5,
    ),
    (
        "an organisation, members, people, permissions",
        """{ organization(id: $organization) {
             members(last: $n) { edges { cursor node { user { permissions } } } }
           } }""",
        5,
    ),
    (
        "an organisation, members by role",
        """{ organization(id: $organization) {
             members(first: $n, role: MEMBER) { nodes { role } }
           } }""",
        3,
    ),
    ("people", "{ users(first: $n) { edges { node { id } } } }", 2),
    ("people without edges", "{ users(first: $n) { nodes { id } } }", 2),
    *(
        (
            f"people by {field}",
            f"{{ users(first: $n, orderBy: {{field: {field}}}) {{ edges {{ cursor }} }} }}",
            2,
        )
        for field in ("USERNAME", "NAME", "EMAIL", "JOINED", "LAST_SEEN")
    ),
    ("people, counted", "{ users(first: $n) { edges { cursor } totalCount { value } } }", 3),
    ("people backwards", "{ users(last: $n) { edges { node { id } } } }", 2),
    ("people, cursors", "{ users(first: $n) { edges { cursor } pageInfo { endCursor } } }", 2),
    ("people, for their number", "{ users(first: $n) { pageInfo { hasNextPage } } }", 2),
    ("people's own columns", f"{{ users(first: $n) {{ edges {{ node {{ {PERSON} }} }} }} }}", 2),
    ("people with profiles", "{ users(first: $n) { edges { node { profile { bio } } } } }", 2),
    ("people, groups", "{ users(first: $n) { edges { node { groups { name } } } } }", 3),
    ("people, permissions", "{ users(first: $n) { edges { node { permissions } } } }", 3),
    ("people, sessions", "{ users(first: $n) { edges { node { activeSessionCount } } } }", 3),
    (
        "people, memberships",
        "{ users(first: $n) { nodes { memberships(first: 9) { nodes { role } } } } }",
        3,
    ),
    (
        "people, memberships, organisations",
        """{ users(first: $n) { nodes {
             memberships(first: 9) { nodes { organization { name } } }
           } } }""",
        4,
    ),
    (
        "people, memberships, organisations, members, people, groups",
        """{ users(first: $n) { nodes {
             memberships(first: 9) { nodes { organization {
               members(last: 5) { nodes { user { username groups { name } } } }
             } } }
           } } }""",
        7,
    ),
    (
        "people, memberships by two names, counted",
        """{ users(first: $n) { nodes {
             a: memberships(first: 1) { edges { cursor } totalCount { value } }
             b: memberships(first: 2) { edges { cursor } totalCount { value } }
           } } }""",
        6,
    ),
    (
        "people and everything",
        f"{{ users(first: $n) {{ edges {{ node {{ {EVERYTHING} }} }} }} }}",
        11,
    ),
    (
        "two pages",
        "{ a: users(first: $n) { edges { cursor } } b: users(last: $n) { edges { cursor } } }",
        3,
    ),
    (
        "two pages, permissions of one",
        """{ a: users(last: $n) { pageInfo { hasNextPage } }
             b: users(first: $n) { edges { node { permissions } } } }""",
        4,
    ),
    ("groups", "{ groups(first: $n) { edges { node { id name } } } }", 2),
    ("groups, permissions", "{ groups(first: $n) { edges { node { permissions } } } }", 3),
    ("all permissions", "{ permissions { name description } }", 2),
    ("sessions, people", f"{{ sessions(first: $n) {{ edges {{ node {{ {SESSION} }} }} }} }}", 3),
    ("events", "{ events(first: $n) { edges { node { id tag data } } } }", 2),
    ("events with what is personal", "{ events(first: $n) { edges { node { ip personal } } } }", 2),
    (
        "events, actors, subjects",
        f"{{ events(first: $n) {{ edges {{ node {{ {EVENT} }} }} }} }}",
        4,
    ),
    ("counts", '{ analytics(from: "2026-01-01", to: "2026-12-31") { date signUps } }', 2),
    ("nothing, for the schema", "{ __schema { queryType { name } } }", 1),
]
OPERATIONS = [operation for _name, operation, _statements in STATEMENTS]


@pytest.fixture
def crowd(sam: User, alice: User) -> tuple[User, Organization]:
    """Return one of 30 people who have one of everything, as have Alice and Sam."""
    organization = make_organization("Archers", sam, alice)
    editors = Group.objects.create(name="Editors")
    editors.permissions.add(*Permission.objects.filter(codename__startswith="view_")[:3])
    Group.objects.bulk_create(Group(name=f"Group {number}") for number in range(30))
    by_alice = Actor(user_id=alice.pk, ip="192.0.2.1")
    for user in (sam, alice):
        for _number in range(30):
            record(Tag.PROFILE_CHANGED, actor=by_alice, subject_id=user.pk)
            make_session(user)
    for number in range(30):
        other = make_organization(f"Organisation {number}", sam)
        for inviter in (sam, alice):
            make_organization_invitation(other, inviter, email=f"{inviter.pk}@example.org")
            make_organization_invitation(
                organization, inviter, email=f"{inviter.pk}-{number}@example.org"
            )
    people = make_crowd(30, organization=organization, group=editors)
    authors = Group.objects.create(name="Authors")
    for user in (sam, alice):
        user.groups.add(editors, authors)
    return people[0], organization


def document(operation: str, crowd: tuple[User, Organization], count: int) -> str:
    user, organization = crowd
    return (
        operation.replace("$user", f'"{node_id(user)}"')
        .replace("$organization", f'"{node_id(organization)}"')
        .replace("$n", str(count))
    )


@pytest.mark.parametrize(
    ("operation", "expected"),
    [pytest.param(operation, count, id=name) for name, operation, count in STATEMENTS],
)
def test_statements_depend_on_the_shape_only(
    client_of: ClientOf,
    sam: User,
    crowd: tuple[User, Organization],
    statements: Capture,
    operation: str,
    expected: int,
) -> None:
    client = client_of(sam)
    for count in (3, 30):
        cache.clear()
        with statements() as captured:
            answer = client(document(operation, crowd, count))
        assert answer.codes == []
        assert len(captured) == expected, "\n".join(captured)
        (page,) = (
            (field or {}).get("edges") if isinstance(field, dict) else None
            for field in list(answer.data.values())[:1]
        )
        assert page is None or len(page) == count


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if "users(" in each and not re.search("EMAIL|LAST_SEEN", each)],
)
def test_ordinary_people_cause_no_more_statements_than_staff(
    client_of: ClientOf,
    alice: User,
    crowd: tuple[User, Organization],
    statements: Capture,
    operation: str,
) -> None:
    expected = next(count for _name, each, count in STATEMENTS if each == operation)
    client = client_of(alice)
    for count in (3, 30):
        cache.clear()
        with statements() as captured:
            assert client(document(operation, crowd, count)).codes == []
        # What nobody but staff sees is not asked for.
        assert len(captured) <= expected, "\n".join(captured)


def fields_of(type_name: str) -> set[str]:
    return set(schema._schema.type_map[type_name].fields)  # type: ignore[attr-defined]  # noqa: SLF001


def test_every_root_field_has_a_row() -> None:
    roots: set[str] = set()
    for operation in OPERATIONS:
        (definition,) = parse(operation.replace("$", "")).definitions
        assert isinstance(definition, OperationDefinitionNode)
        selections = definition.selection_set.selections
        roots |= {field.name.value for field in selections if isinstance(field, FieldNode)}
    assert roots - {"__schema"} == fields_of("Query")


@pytest.mark.parametrize(
    ("type_name", "row"),
    [
        *((name, EVERYTHING) for name in ("User", "Profile", "Membership")),
        ("Organization", ORGANIZATION),
        ("OrganizationInvitation", INVITATION),
        *((name, EVERYTHING) for name in ("Group", "Suspension")),
        ("Permission", "name description"),
        ("Session", SESSION),
        ("Event", EVENT),
    ],
)
def test_every_field_is_in_the_largest_row(type_name: str, row: str) -> None:
    assert fields_of(type_name) <= set(re.findall(r"\w+", row))


# What is read ----------------------------------------------------------------------------

FRAGMENTS = {
    "F": "fragment F on User { name }",
    "C": "fragment C on UserConnection { nodes { name } }",
}


def columns(sql: str) -> set[str]:
    """Return the columns that a statement reads into the result."""
    found = re.findall(r'"(\w+)"\."(\w+)"', sql[: sql.index(" FROM ")])
    return {f"{table}.{column}" for table, column in found}


@pytest.fixture
def page_sql(client_of: ClientOf, sam: User, statements: Capture) -> Callable[[str], str]:
    """Return the statement for a page of people."""
    client = client_of(sam)

    def run(query: str) -> str:
        with statements() as captured:
            assert client(query).codes == []
        _actor, page = captured
        return page

    return run


@pytest.mark.parametrize(
    ("selections", "expected"),
    [
        ("edges { node { username } }", {"username"}),
        ("edges { node { email } }", {"email"}),
        ("edges { node { id } }", set()),
        ("edges { cursor }", {"username"}),
        ("pageInfo { endCursor }", {"username"}),
        ("pageInfo { hasNextPage hasPreviousPage }", set()),
        ("edges { cursor node { name } }", {"username", "name"}),
        ("edges { node { ...F } } pageInfo { startCursor }", {"username", "name"}),
        ("nodes { id }", set()),
        ("nodes { username }", {"username"}),
        ("nodes { name } edges { cursor }", {"username", "name"}),
        (
            "some: nodes { name } others: nodes { email } edges { node { username } }",
            {"name", "email", "username"},
        ),
        ("nodes { id } ...C", {"name"}),
        ("nodes { id email @skip(if: true) } edges @include(if: false) { cursor }", set()),
    ],
)
def test_only_selected_columns_are_read(
    page_sql: Callable[[str], str], selections: str, expected: set[str]
) -> None:
    spread = re.findall(r"\.\.\.(\w)", selections)
    fragments = " ".join(FRAGMENTS[name] for name in spread)
    sql = page_sql(f"{{ users(first: 3) {{ {selections} }} }} {fragments}")
    assert columns(sql) == {f"accounts_user.{column}" for column in expected | {"id"}}
    assert ("keyset_position" in sql) == ("username" in expected and "ursor" in selections)
    assert "COUNT(" not in sql
    assert sql.endswith(" LIMIT 4")


def test_secrets_are_never_read(client_of: ClientOf, sam: User, statements: Capture) -> None:
    client = client_of(sam)
    with statements() as captured:
        client(f"{{ users(first: 9) {{ edges {{ cursor node {{ {EVERYTHING} }} }} }} }}")
    assert len(captured) == 7
    for sql in captured:
        assert not columns(sql) & {"accounts_user.password", "authentication_session.cookie_digest"}


# What is remembered ----------------------------------------------------------------------

PERMISSIONS = "{ me { permissions } }"


def test_permissions_are_remembered(
    client_of: ClientOf, crowd: tuple[User, Organization], sam: User, statements: Capture
) -> None:
    query = "{ users(first: 30) { edges { node { permissions } } } }"
    client = client_of(sam)
    with statements() as first:
        answer = client(query)
    with statements() as second:
        assert client(query).data == answer.data
    assert (len(first), len(second)) == (3, 2)
    assert "auth_permission" not in " ".join(second)


def test_change_of_permissions_shows_in_the_next_request(
    client_of: ClientOf, alice: User, root: User
) -> None:
    actor = Actor(user_id=root.pk, is_staff=True, is_superuser=True)
    view, change = (
        Permission.objects.get(codename=codename) for codename in ("view_user", "change_user")
    )
    client = client_of(alice)

    def permissions() -> list[str]:
        shown: list[str] = client(PERMISSIONS).data["me"]["permissions"]
        assert client(PERMISSIONS).data["me"]["permissions"] == shown
        return shown

    assert permissions() == []
    editors = Group(name="")
    save_group(editors, actor=actor, name="Editors", permissions=[view])
    assert permissions() == []
    change_user(alice.pk, actor=actor, groups=[editors])
    assert permissions() == ["accounts.view_user"]
    save_group(editors, actor=actor, name="Editors", permissions=[view, change])
    assert permissions() == ["accounts.change_user", "accounts.view_user"]
    change_user(alice.pk, actor=actor, flags={"is_superuser": True})
    assert len(permissions()) == Permission.objects.count()
    change_user(alice.pk, actor=actor, flags={"is_superuser": False})
    assert permissions() == ["accounts.change_user", "accounts.view_user"]
    save_group(editors, actor=actor, name="Editors", permissions=[])
    assert permissions() == []
    change_user(alice.pk, actor=actor, groups=[])
    assert permissions() == []


def test_change_for_one_leaves_what_is_remembered_of_others(
    client_of: ClientOf, alice: User, bob: User, root: User, statements: Capture
) -> None:
    actor = Actor(user_id=root.pk, is_staff=True, is_superuser=True)
    clients = [client_of(alice), client_of(bob)]
    for client in clients:
        assert client(PERMISSIONS).data == {"me": {"permissions": []}}
    change_user(alice.pk, actor=actor, flags={"is_staff": True})
    counts = []
    for client in clients:
        with statements() as captured:
            assert client(PERMISSIONS).data == {"me": {"permissions": []}}
        counts.append(len(captured))
    assert counts == [3, 2]
