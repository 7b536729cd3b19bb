"""User metadata: access, limits, schemas and merge patches."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import run_checks

from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import make_token, make_user, node_id
from tests.support.signing_in import tags
from users.accounts.models import Metadata, User
from users.activity.models import Event
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

UPDATE = """
    mutation ($input: UpdateMetadataInput!) {
      updateMetadata(input: $input) {
        user { publicMetadata privateMetadata } errors { code field message }
      }
    }
"""
READ = "query ($id: ID!) { user(id: $id) { publicMetadata privateMetadata } }"
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "plan": {"enum": ["free", "team"]},
        "seats": {"$ref": "#/$defs/seats"},
        "a/b~c": {"items": {"type": "integer"}},
    },
    "additionalProperties": False,
    "$defs": {"seats": {"type": "integer", "minimum": 1}},
}


@pytest.fixture
def update(client_of: ClientOf, root: User, alice: User) -> Callable[..., Answer]:
    """Update Alice's metadata as the administrator."""
    client, id_ = client_of(root), node_id(alice)
    return lambda **given: client(UPDATE, input={"userId": id_} | given)


def stored() -> tuple[Any, Any]:
    row = Metadata.objects.first()
    return (row.public, row.private) if row else ({}, {})


# Reading and writing ---------------------------------------------------------------------


def test_metadata_are_merged(update: Callable[..., Answer], alice: User) -> None:
    before = {"plan": "team", "theme": {"dark": True, "font": "serif"}, "tags": ["a", "b"]}
    answer = update(public=before, private={"crm": 7})
    payload = answer.data["updateMetadata"]
    assert payload["errors"] == []
    assert payload["user"] == {"publicMetadata": before, "privateMetadata": {"crm": 7}}
    patch = {
        "plan": None,
        "theme": {"dark": False, "font": None},
        "tags": ["c"],
        "new": {"x": None},
    }
    assert update(public=patch).problems == []
    after = {"theme": {"dark": False}, "tags": ["c"], "new": {}}
    assert stored() == (after, {"crm": 7})
    event = Event.objects.latest("pk")
    assert (event.tag, event.subject_id) == (Tag.METADATA_CHANGED, alice.pk)
    assert event.data == {}
    assert event.details.values["keys"] == {"public": ["new", "plan", "tags", "theme"]}


# The examples on objects in RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("original", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
    ids=str,
)
def test_merge_patches_are_those_of_the_rfc(
    update: Callable[..., Answer], original: Any, patch: Any, result: Any
) -> None:
    assert update(public=original, mode="REPLACE").problems == []
    assert update(public=patch).problems == []
    assert stored() == (result, {})


def test_metadata_are_replaced(update: Callable[..., Answer]) -> None:
    assert update(public={"a": 1, "b": 2}, private={"c": 3}).problems == []
    assert update(public={"b": None}, mode="REPLACE").problems == []
    assert stored() == ({"b": None}, {"c": 3})
    assert update(public={}, private={}, mode="REPLACE").problems == []
    assert stored() == ({}, {})


def test_unchanged_input_writes_nothing(update: Callable[..., Answer]) -> None:
    assert update().problems == []
    assert update(public={}, private={"gone": None}).problems == []
    assert not Metadata.objects.exists()
    assert update(public={"a": 1, "b": {"c": 2, "d": 3}}).problems == []
    assert update(public={"b": {"d": 3, "c": 2}}).problems == []
    assert len(tags()) == 1
    # In JSON, unlike in Python, true is not 1.
    assert update(public={"a": True}).problems == []
    assert stored()[0]["a"] is True
    assert len(tags()) == 2


def test_metadata_read_access(
    update: Callable[..., Answer], client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_public=True)
    assert update(public={"plan": "team"}, private={"crm": 7}).problems == []
    for reader, private in ((alice, {"crm": 7}), (sam, {"crm": 7}), (bob, None)):
        shown = client_of(reader)(READ, id=node_id(alice)).data["user"]
        assert shown == {"publicMetadata": {"plan": "team"}, "privateMetadata": private}
    nothing = client_of(bob)(READ, id=node_id(bob)).data["user"]
    assert nothing == {"publicMetadata": {}, "privateMetadata": {}}


def test_metadata_write_access(client_of: ClientOf, alice: User, sam: User) -> None:
    own = {"userId": node_id(alice)}
    for client, public, private in (
        (GraphQLClient(), ["UNAUTHENTICATED"], ["UNAUTHENTICATED"]),
        (client_of(alice), ["FORBIDDEN"], ["FORBIDDEN"]),
        (client_of(sam), [], ["FORBIDDEN"]),
    ):
        assert client(UPDATE, input=own | {"private": {"a": 1}}).codes == private
        assert client(UPDATE, input=own | {"public": {"a": 1}, "private": {}}).codes == private
        assert stored() == ({}, {})
        assert client(UPDATE, input=own | {"public": {"a": 1}}).codes == public
    assert stored() == ({"a": 1}, {})
    assert tags() == [Tag.METADATA_CHANGED]


def test_unknown_user_has_no_metadata(client_of: ClientOf, root: User) -> None:
    answer = client_of(root)(UPDATE, input={"userId": "x", "public": {}})
    assert answer.problems == [("NOT_FOUND", "userId")]


def test_concurrent_updates_lose_nothing(transactional_db: None) -> None:
    client = GraphQLClient(make_token(make_user("root", is_staff=True, is_superuser=True)))
    alice = node_id(make_user("alice"))
    calls = [
        lambda key=key: client(UPDATE, input={"userId": alice, "public": {key: 1}}).problems
        for key in "abcdef"
    ]
    assert run_concurrently(*calls) == [[]] * 6
    assert stored()[0] == dict.fromkeys("abcdef", 1)


# Limits ----------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    value: Any = 1
    for _level in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, "text", [], [{}], True),
        {"a": "x" * 16_384},
        {str(number): number for number in range(3_000)},
        nested(10),
        nested(200),
        {"a": "b\0c"},
        {"a\0b": 1},
        {"a": ["\0"]},
    ],
    ids=lambda value: str(value)[:20],
)
def test_unstorable_values_are_refused(update: Callable[..., Answer], value: Any) -> None:
    assert update(public=value).problems == [("VALUE_INVALID", "public")]
    assert update(public={}, private=value, mode="REPLACE").problems == [
        ("VALUE_INVALID", "private")
    ]
    assert not Metadata.objects.exists()
    assert tags() == []


def test_size_limit_applies_to_merged_values(update: Callable[..., Answer]) -> None:
    assert update(public={"a": "x" * 9_000}).problems == []
    assert update(public={"b": "x" * 9_000}).problems == [("VALUE_INVALID", "public")]
    assert stored()[0].keys() == {"a"}
    assert update(public=nested(9)).problems == []


@pytest.mark.parametrize(
    ("literal", "problems", "kept"),
    [
        ("{a: 18446744073709551616}", [("VALUE_INVALID", "public")], {}),
        ("{a: 1e999}", [("VALUE_INVALID", "public")], {}),
        ("{a: -0.5, b: 1e3}", [], {"a": -0.5, "b": 1000.0}),
        ('{a: "\\\\u0000"}', [], {"a": "\\u0000"}),
        ("{a: WORD}", [], {"a": "WORD"}),
    ],
)
def test_literals_are_kept_or_refused(
    client_of: ClientOf,
    root: User,
    alice: User,
    literal: str,
    problems: list[tuple[str, str]],
    kept: Any,
) -> None:
    document = f"""
        mutation {{
          updateMetadata(input: {{userId: "{node_id(alice)}", public: {literal}, mode: REPLACE}}) {{
            user {{ publicMetadata }} errors {{ code field }}
          }}
        }}
    """
    answer = client_of(root)(document)
    assert answer.problems == problems
    assert stored()[0] == kept


# Schemas ---------------------------------------------------------------------------------


def test_schema_refuses_with_the_place(update: Callable[..., Answer], settings: Any) -> None:
    settings.PUBLIC_METADATA_SCHEMA = SCHEMA
    good = {"plan": "team", "seats": 3, "a/b~c": [1]}
    assert update(public=good, private={"anything": "goes"}).problems == []
    for patch, pointer in (
        ({"plan": "gold"}, "/plan"),
        ({"seats": 0}, "/seats"),
        ({"seats": True}, "/seats"),
        ({"a/b~c": [1, "x"]}, "/a~1b~0c/1"),
        ({"other": 1}, "“”"),
    ):
        answer = update(public=patch)
        assert answer.problems == [("METADATA_INVALID", "public")]
        assert pointer in answer.data["updateMetadata"]["errors"][0]["message"]
        assert stored()[0] == good
    assert len(tags()) == 1


def test_violations_are_listed_briefly(update: Callable[..., Answer], settings: Any) -> None:
    settings.PRIVATE_METADATA_SCHEMA = {"additionalProperties": {"type": "string"}}
    answer = update(private={str(number): number for number in range(30)})
    assert answer.problems == [("METADATA_INVALID", "private")] * 10
    answer = update(private={"a": ["x" * 9_000]})
    assert len(answer.data["updateMetadata"]["errors"][0]["message"]) < 300


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "nothing"}, "$.type"),
        ({"properties": {"a": {"minimum": "x"}}}, "$.properties.a.minimum"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema"),
        ({"$ref": "https://example.org/schema.json"}, "https://example.org/schema.json"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "file:///etc/passwd"),
        ({"allOf": [{"$dynamicRef": "other.json"}]}, "other.json"),
        ({"$id": "https://example.org/a", "$ref": "b#/$defs/c"}, "b#/$defs/c"),
        ({"$ref": "#/$defs/nothing"}, "#/$defs/nothing"),
        ({"$ref": "#nothing"}, "#nothing"),
    ],
    ids=str,
)
def test_invalid_schema_is_refused_at_startup(
    settings: Any, schema: dict[str, Any], fault: str
) -> None:
    settings.PRIVATE_METADATA_SCHEMA = schema
    (found,) = [each for each in run_checks() if each.id == "roster.E001"]
    assert found.is_serious()
    assert "PRIVATE_METADATA_SCHEMA" in found.msg
    assert fault in found.msg


@pytest.mark.parametrize("schema", [{}, SCHEMA, {"$defs": {"a": {"$anchor": "x"}}, "$ref": "#x"}])
def test_valid_schema_is_accepted(settings: Any, schema: dict[str, Any]) -> None:
    settings.PUBLIC_METADATA_SCHEMA = settings.PRIVATE_METADATA_SCHEMA = schema
    assert [each for each in run_checks() if each.id == "roster.E001"] == []


# Filters ---------------------------------------------------------------------------------

FIND = """
    query ($filter: UserFilter!) { users(first: 20, filter: $filter) { nodes { username } } }
"""


@pytest.fixture
def noted(alice: User, bob: User, charlie: User) -> None:
    bob.is_public = charlie.is_public = True
    User.objects.bulk_update([bob, charlie], ["is_public"])
    Metadata.objects.create(user=alice, public={"plan": "team"}, private={"crm": {"id": 1}})
    Metadata.objects.create(
        user=bob, public={"plan": "team", "tags": ["x", "y"]}, private={"crm": {"id": 2}}
    )
    Metadata.objects.create(user=charlie, public={"plan": "free", "on": True})


def found(client: GraphQLClient, **filter_: Any) -> list[str]:
    return [each["username"] for each in client(FIND, filter=filter_).data["users"]["nodes"]]


@pytest.mark.usefixtures("noted")
def test_users_are_filtered_by_metadata(client_of: ClientOf, sam: User) -> None:
    client = client_of(sam)
    assert found(client, publicMetadata={"plan": "team"}) == ["alice", "bob"]
    assert found(client, publicMetadata={"tags": ["y"]}) == ["bob"]
    assert found(client, publicMetadata={"on": True}) == ["charlie"]
    assert found(client, publicMetadata={"on": 1}) == []
    assert found(client, privateMetadata={"crm": {"id": 2}}) == ["bob"]
    assert found(client, publicMetadata={"plan": "team"}, privateMetadata={"crm": {"id": 1}}) == [
        "alice"
    ]
    either = [{"publicMetadata": {"plan": "free"}}, {"privateMetadata": {"crm": {"id": 1}}}]
    assert found(client, **{"or": either}) == ["alice", "charlie"]
    rest = {"not": {"publicMetadata": {"plan": "team"}}}
    assert found(client, **rest) == ["charlie", "sam"]


@pytest.mark.usefixtures("noted")
def test_conditions_on_private_metadata_are_for_staff(client_of: ClientOf, bob: User) -> None:
    client = client_of(bob)
    assert found(client, publicMetadata={"plan": "team"}) == ["bob"]
    for filter_ in (
        {"privateMetadata": {"crm": {"id": 2}}},
        {"or": [{"publicMetadata": {"plan": "team"}}, {"privateMetadata": {"crm": {"id": 2}}}]},
        {"not": {"privateMetadata": {"crm": {"id": 2}}}},
    ):
        assert client(FIND, filter=filter_).codes == ["FORBIDDEN"]


@pytest.mark.parametrize(
    "value",
    [
        *(1, "text", [], {}, {"a": {}}, {"a": [{}, []]}),
        *({"a": "b\0c"}, {"a": "x" * 20_000}, nested(20)),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("kind", ["publicMetadata", "privateMetadata"])
def test_unindexed_metadata_filters_are_refused(
    client_of: ClientOf, sam: User, kind: str, value: Any
) -> None:
    for filter_ in ({kind: value}, {"not": {kind: value}}):
        assert client_of(sam)(FIND, filter=filter_).codes == ["ARGUMENT_INVALID"]


def test_values_are_not_interpreted_as_sql(client_of: ClientOf, sam: User) -> None:
    hostile = {"a'b\"; DROP TABLE x --": "%s %(x)s {} \\ '"}
    assert found(client_of(sam), publicMetadata=hostile) == []
    Metadata.objects.create(user=sam, public=hostile)
    assert found(client_of(sam), publicMetadata=hostile) == ["sam"]
    assert json.loads(json.dumps(hostile)) == hostile
