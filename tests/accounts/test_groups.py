"""Groups and their permissions, over GraphQL."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_user, node_id
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

GROUP = "group { name permissions } errors { code field }"
CREATE = f"mutation ($input: CreateGroupInput!) {{ createGroup(input: $input) {{ {GROUP} }} }}"
UPDATE = f"mutation ($input: UpdateGroupInput!) {{ updateGroup(input: $input) {{ {GROUP} }} }}"
DELETE = """
    mutation ($id: ID!) { deleteGroup(input: {groupId: $id}) { errors { code field } } }
"""
VIEW, CHANGE = "accounts.view_user", "accounts.change_user"


@pytest.fixture
def editors(alice: User) -> Group:
    """Return a group with Alice and the permission to view users."""
    group = Group.objects.create(name="Editors")
    group.permissions.add(Permission.objects.get(codename="view_user"))
    alice.groups.add(group)
    return group


def test_group_is_created_with_its_permissions(client_of: ClientOf, root: User) -> None:
    answer = client_of(root)(CREATE, input={"name": "Editors", "permissions": [VIEW, CHANGE, VIEW]})
    assert answer.data["createGroup"] == {
        "group": {"name": "Editors", "permissions": [CHANGE, VIEW]},
        "errors": [],
    }
    event = Event.objects.get()
    assert (event.tag, event.data["old"], event.data["new"]["name"]) == (
        Tag.GROUP_CHANGED,
        {},
        "Editors",
    )


def test_group_change_applies_to_the_next_request(
    client_of: ClientOf, root: User, alice: User, editors: Group
) -> None:
    member, admin = client_of(alice), client_of(root)
    permissions = "{ me { permissions } }"
    assert member(permissions).data == {"me": {"permissions": [VIEW]}}
    fields = {"groupId": node_id(editors), "name": "Authors", "permissions": [CHANGE]}
    assert admin(UPDATE, input=fields).data["updateGroup"]["group"]["name"] == "Authors"
    assert member(permissions).data == {"me": {"permissions": [CHANGE]}}
    assert admin(UPDATE, input=fields).problems == []
    assert Event.objects.count() == 1
    assert admin(DELETE, id=node_id(editors)).problems == []
    assert member(permissions).data == {"me": {"permissions": []}}
    assert not Group.objects.exists()
    assert list(Event.objects.order_by("pk").values_list("tag", flat=True)) == [
        Tag.GROUP_CHANGED,
        Tag.GROUP_DELETED,
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, ("VALUE_INVALID", "name")),
        ({"name": "n" * 151}, ("VALUE_INVALID", "name")),
        ({"name": "\0"}, ("VALUE_INVALID", "name")),
        ({"name": " \u200b\u3164 "}, ("VALUE_INVALID", "name")),
        ({"name": "bell\a"}, ("VALUE_INVALID", "name")),
        # Read like the name of another.
        *(
            ({"name": name}, ("VALUE_INVALID", "name"))
            for name in ("Editors", "EDITORS", " Edi\u200btors ", "E ditors", "\uff25ditors")
        ),
        ({"permissions": ["accounts.fly"]}, ("NOT_FOUND", "permissions")),
    ],
)
def test_bad_group_is_refused(
    client_of: ClientOf, root: User, editors: Group, fields: dict[str, Any], problem: Any
) -> None:
    answer = client_of(root)(CREATE, input={"name": "Authors", "permissions": []} | fields)
    assert answer.problems == [problem]
    assert Group.objects.get() == editors
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "names",
    [
        ("ΝΊΚΟΣ", "νίκος", "Νίκοσ"),
        ("Μαΐου", "ΜΑΪ\u0301ΟΥ"),  # noqa: RUF001 - one script
        ("Straße", "STRASSE", "STRAẞE"),
        ("İzmir", "izmir", "IZMIR", "ızmir", "i\u0307zmir"),
    ],
)
def test_names_of_groups_collide_in_any_case(
    client_of: ClientOf, root: User, names: tuple[str, ...]
) -> None:
    admin = client_of(root)
    answers = [admin(CREATE, input={"name": name, "permissions": []}) for name in names]
    assert [answer.problems for answer in answers] == [
        [],
        *[[("VALUE_INVALID", "name")]] * (len(names) - 1),
    ]


def test_unknown_group_is_not_found(client_of: ClientOf, root: User, alice: User) -> None:
    client = client_of(root)
    for group_id in ("", "x", node_id(alice), "R3JvdXA6MTIz", "R3JvdXA6" + "OTk5" * 20):
        answer = client(UPDATE, input={"groupId": group_id, "name": "x", "permissions": []})
        assert answer.problems == [("NOT_FOUND", "groupId")]
        assert client(DELETE, id=group_id).problems == [("NOT_FOUND", "groupId")]
    assert not Group.objects.exists()


def test_staff_page_through_groups(client_of: ClientOf, sam: User, editors: Group) -> None:
    Group.objects.create(name="Authors")
    client = client_of(sam)
    page = "{ groups(first: %d) { edges { node { name permissions } } pageInfo { hasNextPage } } }"
    assert client(page % 1).data["groups"] == {
        "edges": [{"node": {"name": "Authors", "permissions": []}}],
        "pageInfo": {"hasNextPage": True},
    }
    assert [edge["node"]["name"] for edge in client(page % 9).data["groups"]["edges"]] == [
        "Authors",
        "Editors",
    ]


def test_permissions_are_those_of_applications(client_of: ClientOf, sam: User, root: User) -> None:
    """The service's own are listed on request."""
    client_of(root)("""mutation { createPermission(
        input: {name: "billing.pay", description: "Can pay"}
    ) { errors { code } } }""")
    client = client_of(sam)
    own = {"name": "billing.pay", "description": "Can pay"}
    listed = client("{ permissions { name description } }").data["permissions"]
    assert listed == [own]
    every = client("{ permissions(includeInternal: true) { name description } }").data[
        "permissions"
    ]
    assert own in every
    assert {"name": VIEW, "description": "Can view person"} in every


@pytest.mark.parametrize(
    ("search", "names"),
    [
        *((text, ["Authors", "Éditeurs"]) for text in ("", "  ")),
        ("edit", ["Éditeurs"]),
        ("ÉDITEURS", ["Éditeurs"]),
        ("au", ["Authors"]),
        ("ors aut", ["Authors"]),
        ("nothing", []),
    ],
)
def test_groups_are_searched_by_words(
    executor: Executor, client_of: ClientOf, sam: User, search: str, names: list[str]
) -> None:
    for name in ("Éditeurs", "Authors"):
        Group.objects.create(name=name)
    query = "query ($search: String) { groups(first: 9, search: $search) { nodes { name } } }"
    client = client_of(sam)
    found = executor(lambda: client(query, search=search)).data["groups"]["nodes"]
    assert [each["name"] for each in found] == names


@pytest.mark.parametrize("search", ["!", "x" * 101, "\0"])
def test_searches_without_words_are_refused(client_of: ClientOf, sam: User, search: str) -> None:
    for field in ("groups", "organizations", "users"):
        query = (
            f"query ($search: String) {{ {field}(first: 9, search: $search) {{ nodes {{ id }} }} }}"
        )
        assert client_of(sam)(query, search=search).codes == ["ARGUMENT_INVALID"]


def test_members_see_their_groups_only(client_of: ClientOf, alice: User, editors: Group) -> None:
    authors = Group.objects.create(name="Authors")
    client = client_of(alice)
    assert client("{ groups(first: 1) { edges { cursor } } }").codes == ["FORBIDDEN"]
    node = "query ($id: ID!) { node(id: $id) { ... on Group { name } } }"
    assert client(node, id=node_id(editors)).data == {"node": {"name": "Editors"}}
    assert client(node, id=node_id(authors)).data == {"node": None}
    assert client("{ me { groups { name permissions } } }").data["me"]["groups"] == [
        {"name": "Editors", "permissions": [VIEW]}
    ]


MEMBERS = """query ($id: ID!, $after: String) { node(id: $id) { ... on Group {
  members(first: 2, after: $after) {
    nodes { user { username } } pageInfo { hasNextPage endCursor } totalCount { value }
  }
} } }"""


def test_staff_page_through_the_members_of_a_group(
    executor: Executor, client_of: ClientOf, sam: User, editors: Group
) -> None:
    """In the order of the accounts' creation, not of joining."""
    users = [make_user(name) for name in ("zoe", "yan", "xia")]
    editors.user_set.set(reversed(users))
    Group.objects.create(name="Others").user_set.set(users[:1])
    client, after, names = client_of(sam), None, []
    for has_next in (True, False):
        answer = executor(lambda after=after: client(MEMBERS, id=node_id(editors), after=after))  # type: ignore[misc]
        members = answer.data["node"]["members"]
        names += [each["user"]["username"] for each in members["nodes"]]
        assert members["totalCount"] == {"value": 3}
        assert members["pageInfo"]["hasNextPage"] is has_next
        after = members["pageInfo"]["endCursor"]
    assert names == ["zoe", "yan", "xia"]


def test_members_of_a_group_are_not_listed_for_others(
    executor: Executor, client_of: ClientOf, alice: User, editors: Group
) -> None:
    """Groups are private data of users, also for the other members."""
    editors.user_set.add(alice)
    client = client_of(alice)
    members = executor(lambda: client(MEMBERS, id=node_id(editors))).data["node"]["members"]
    assert (members["nodes"], members["totalCount"]) == ([], {"value": 0})
