"""Visibility of users, of their private fields and of organisations."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission

from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_session, make_user, node_id
from users.accounts.models import User
from users.authentication.models import Session
from users.organizations.models import Organization, Role

ClientOf = Callable[[User], GraphQLClient]

# A value for each private field, as `user_with_everything` has them.
NEW_YEAR = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PRIVATE = {
    "email": "erin@example.org",
    "emailVerifiedAt": "2026-01-01T00:00:00+00:00",
    "lastSeenAt": "2026-01-01T00:00:00+00:00",
    "isActive": True,
    "isStaff": False,
    "isSuperuser": False,
    "groups": [{"name": "Editors"}],
    "permissions": ["accounts.view_user"],
    "activeSessionCount": 2,
}
PERSON = """
    username name isPublic email emailVerifiedAt lastSeenAt isActive isStaff isSuperuser
    groups { name } permissions activeSessionCount profile { bio website timeZone locale }
"""
BY_ID = f"""
    query ($id: ID!) {{
      user(id: $id) {{ {PERSON} }}
      node(id: $id) {{ ... on User {{ {PERSON} }} }}
    }}
"""
USERS = f"{{ users(first: 100) {{ edges {{ node {{ {PERSON} }} }} }} }}"
MEMBERSHIPS = "memberships(first: 9) { nodes { role organization { name } } }"


def users_by_name(client: GraphQLClient) -> dict[str, dict[str, Any]]:
    edges = client(USERS).data["users"]["edges"]
    return {edge["node"]["username"]: edge["node"] for edge in edges}


def found_by(client: GraphQLClient, row: User | Organization) -> bool:
    """Return True if the row is visible by `node` and its field."""
    field = type(row).__name__.lower()
    answer = client(
        f"query ($id: ID!) {{ {field}(id: $id) {{ id }} node(id: $id) {{ id }} }}", id=node_id(row)
    )
    assert answer.data[field] == answer.data["node"]
    return bool(answer.data["node"] == {"id": node_id(row)})


@pytest.fixture
def erin(db: None) -> User:
    """Return a public user with a value in every private field."""
    erin = make_user(
        "erin",
        name="Erin Ebert",
        is_public=True,
        locale="de",
        email_verified_at=NEW_YEAR,
        seen=NEW_YEAR,
    )
    editors = Group.objects.create(name="Editors")
    editors.permissions.add(Permission.objects.get(codename="view_user"))
    erin.groups.add(editors)
    for days in (1, 2, -1):
        make_session(erin, days=days)
    return erin


# Visibility ------------------------------------------------------------------------------


def test_users_see_themselves_and_public_active_users(
    client_of: ClientOf, alice: User, bob: User, charlie: User, sam: User, root: User
) -> None:
    gone = make_user("gone", is_public=True, is_active=False)
    all_users = [alice, bob, charlie, gone, root, sam]
    for viewer, expected in (
        (alice, [alice, bob]),
        (bob, [bob]),
        (charlie, [bob, charlie]),
        (sam, all_users),
        (root, all_users),
    ):
        client = client_of(viewer)
        assert list(users_by_name(client)) == [user.username for user in expected]
        assert [user for user in all_users if found_by(client, user)] == expected


def test_anonymous_clients_see_no_users(anonymous: GraphQLClient, bob: User) -> None:
    answer = anonymous(USERS)
    assert (answer.codes, answer.body["data"]) == (["UNAUTHENTICATED"], None)
    assert not found_by(anonymous, bob)
    assert anonymous("{ me { id } }").data == {"me": None}


def test_private_fields_are_null_for_others(client_of: ClientOf, alice: User, erin: User) -> None:
    client = client_of(alice)
    answer = client(BY_ID, id=node_id(erin)).data
    for seen in (answer["user"], answer["node"], users_by_name(client)["erin"]):
        assert {name: seen[name] for name in PRIVATE} == dict.fromkeys(PRIVATE)
        assert seen["profile"] == {"bio": "", "website": "", "timeZone": "UTC", "locale": None}
        assert (seen["username"], seen["name"], seen["isPublic"]) == ("erin", "Erin Ebert", True)


@pytest.mark.parametrize("viewer", ["erin", "sam", "root"])
def test_private_fields_are_visible_to_the_user_and_staff(
    client_of: ClientOf, erin: User, sam: User, root: User, viewer: str
) -> None:
    client = client_of(User.objects.get(username=viewer))
    expected = PRIVATE | {"activeSessionCount": 3 if viewer == "erin" else 2}
    answer = client(BY_ID, id=node_id(erin)).data
    for seen in (answer["user"], answer["node"], users_by_name(client)["erin"]):
        assert {name: seen[name] for name in PRIVATE} == expected
        assert seen["profile"]["locale"] == "de"


def test_every_private_field_of_the_schema_is_in_these_tests(anonymous: GraphQLClient) -> None:
    query = '{ __type(name: "User") { fields { name description type { kind } } } }'
    fields = anonymous(query).data["__type"]["fields"]
    nullable = {field["name"] for field in fields if field["type"]["kind"] != "NON_NULL"}
    # Suspensions and deletions are visible to staff only, avatars to all.
    # These have tests of their own, as have second factors, addresses and metadata.
    others = {
        *("profile", "suspension", "deletion", "erasedAt", "avatar"),
        *("secondFactors", "secondFactorDueAt", "recoveryCodesLeft", "totp"),
        *("emailAddresses", "privateMetadata"),
    }
    assert nullable - others == PRIVATE.keys()


def test_private_fields_are_decided_per_user_on_a_page(
    client_of: ClientOf, alice: User, bob: User, erin: User
) -> None:
    users = users_by_name(client_of(alice))
    assert users["alice"]["activeSessionCount"] == 1
    assert users["alice"]["permissions"] == []
    for other in ("bob", "erin"):
        assert users[other]["activeSessionCount"] is None
        assert users[other]["permissions"] is None


def test_administrators_have_all_permissions_and_inactive_users_none(
    client_of: ClientOf, sam: User, root: User
) -> None:
    make_user("past", is_superuser=True, is_active=False)
    users = users_by_name(client_of(sam))
    everything = Permission.objects.count()
    assert len(users["root"]["permissions"]) == everything
    assert users["root"]["permissions"] == sorted(users["root"]["permissions"])
    assert users["past"]["permissions"] == users["sam"]["permissions"] == []


# Invalid ids -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "x",
        "User:1",
        "VXNlcg==",
        "VXNlcjo=",
        "VXNlcjox",
        "Ojo6",
        "\N{SNOWMAN}",
        "x" * 10_000,
        "VXNlcjr/",
    ],
)
def test_malformed_id_finds_nothing(client_of: ClientOf, root: User, identifier: str) -> None:
    client = client_of(root)
    for field in ("node", "user", "organization"):
        query = f"query ($id: ID!) {{ found: {field}(id: $id) {{ id }} }}"
        assert client(query, id=identifier).data == {"found": None}


def test_id_of_another_type_or_row_finds_nothing(client_of: ClientOf, root: User) -> None:
    client = client_of(root)
    organization = make_organization("Archers")
    query = "query ($id: ID!) { found: %s(id: $id) { id } }"
    assert client(query % "user", id=node_id(organization)).data == {"found": None}
    assert client(query % "organization", id=node_id(root)).data == {"found": None}
    group = Group.objects.create(name="Editors")
    for row in (User(pk=uuid4()), Organization(pk=uuid4()), group, make_session(root)):
        for field in ("user", "organization"):
            assert client(query % field, id=node_id(row)).data == {"found": None}
    for row in (User(pk=uuid4()), Organization(pk=uuid4()), Group(pk=0), Session(pk=uuid4())):
        assert client(query % "node", id=node_id(row)).data == {"found": None}


# Organisations ---------------------------------------------------------------------------


def test_organizations_are_seen_by_members_and_staff(
    client_of: ClientOf,
    anonymous: GraphQLClient,
    alice: User,
    bob: User,
    charlie: User,
    sam: User,
) -> None:
    organization = make_organization("Archers", alice, bob)
    make_organization("Bakers", bob)
    assert [
        found_by(client, organization)
        for client in (anonymous, *(client_of(user) for user in (alice, bob, charlie, sam)))
    ] == [False, True, True, False, True]


def test_memberships_are_seen_by_fellow_members_and_staff(
    client_of: ClientOf, alice: User, bob: User, charlie: User, sam: User
) -> None:
    make_organization("Archers", alice, bob, role=Role.OWNER)
    make_organization("Bakers", bob)
    archers = {"role": "OWNER", "organization": {"name": "Archers"}}
    bakers = {"role": "MEMBER", "organization": {"name": "Bakers"}}
    query = f"query ($id: ID!) {{ user(id: $id) {{ {MEMBERSHIPS} }} me {{ {MEMBERSHIPS} }} }}"
    for viewer, of_bob, own in (
        (alice, [archers], [archers]),
        (bob, [archers, bakers], [archers, bakers]),
        (charlie, [], []),
        (sam, [archers, bakers], []),
    ):
        answer = client_of(viewer)(query, id=node_id(bob)).data
        by_name = [person["memberships"]["nodes"] for person in (answer["user"], answer["me"])]
        assert by_name == [of_bob, own], viewer


def test_memberships_are_seen_alike_on_a_page(
    client_of: ClientOf, alice: User, bob: User, erin: User
) -> None:
    make_organization("Archers", alice, bob)
    make_organization("Bakers", bob, erin)
    query = f"{{ users(first: 9) {{ edges {{ node {{ username {MEMBERSHIPS} }} }} }} }}"
    edges = client_of(alice)(query).data["users"]["edges"]
    archers = [{"role": "MEMBER", "organization": {"name": "Archers"}}]
    assert [edge["node"] for edge in edges] == [
        {"username": "alice", "memberships": {"nodes": archers}},
        {"username": "bob", "memberships": {"nodes": archers}},
        {"username": "erin", "memberships": {"nodes": []}},
    ]
