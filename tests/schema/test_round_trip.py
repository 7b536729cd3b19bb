"""Round trip: accepted input is read back equal, and data of earlier versions is readable."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from hypothesis import strategies as st
from strawberry.utils.str_converters import to_camel_case

from core.ijson import MAX_NUMBER
from core.outbox.models import OutboxMessage
from schema.http.serialization import serialize
from tests.support.bulk_actions import READ as READ_BULK_ACTION
from tests.support.bulk_actions import run_turns, start, started
from tests.support.client import Answer, GraphQLClient
from tests.support.documents import SCHEMA
from tests.support.executors import Executor
from tests.support.factories import make_bulk_action, make_token, make_user, node_id
from users.accounts.models import PROFILE_FIELDS, Metadata, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.bulk.models import BulkAction
from users.jobs.states import JobState

ClientOf = Callable[[User], GraphQLClient]

SETTINGS: Final = hypothesis.settings(
    max_examples=25,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
# As in the request body: lone surrogates are escaped.
TEXTS: Final = st.text(st.characters(exclude_categories=()), max_size=40)
NUMBERS: Final = st.one_of(
    st.integers(),
    st.integers(-(2**54), 2**54),
    st.sampled_from([sign * 2**bits for bits in (31, 53, 63, 64, 100) for sign in (1, -1)]),
    st.floats(allow_nan=False),
    st.floats(-1e16, 1e16),
)
JSONS: Final = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=15,
)
MOMENTS: Final = st.builds(
    lambda moment, minutes: moment.replace(
        tzinfo=dt.timezone(dt.timedelta(minutes=minutes))
    ).isoformat(),
    st.datetimes()
    | st.datetimes(*map(dt.datetime.fromisoformat, ("2030-01-01", "2100-01-01")))
    | st.sampled_from(["0001-01-01", "9999-12-31T23:59:59"]).map(dt.datetime.fromisoformat),
    st.integers(-1_439, 1_439),
)
BY_TYPE: Final[dict[str, st.SearchStrategy[Any]]] = {
    "String": TEXTS,
    "DateTime": MOMENTS,
    "JSON": st.dictionaries(TEXTS, JSONS, max_size=3),
}


@dataclass(frozen=True, slots=True)
class RoundTripCase:
    """A mutation that stores its input, and the paths to read it back."""

    name: str
    base: dict[str, Any]
    # Path in the payload by input field.
    fields: dict[str, str]
    selection: str

    @property
    def document(self) -> str:
        type_ = SCHEMA.mutation_type.fields[self.name].args["input"].type
        return f"""mutation ($input: {type_}) {{ {self.name}(input: $input) {{
          {self.selection} errors {{ code field message }}
        }} }}"""


PROFILE: Final = {name: f"user.profile.{name}" for name in map(to_camel_case, PROFILE_FIELDS)}
PROFILE_SELECTION: Final = f"user {{ name profile {{ {' '.join(PROFILE)} }} }}"
KEPT: Final = [
    RoundTripCase(
        "updateMetadata",
        {"userId": "$user", "mode": "REPLACE"},
        {"public": "user.publicMetadata", "private": "user.privateMetadata"},
        "user { publicMetadata privateMetadata }",
    ),
    RoundTripCase("updateProfile", {}, {"name": "user.name", **PROFILE}, PROFILE_SELECTION),
    RoundTripCase(
        "updateUser", {"userId": "$user"}, {"name": "user.name", **PROFILE}, PROFILE_SELECTION
    ),
    RoundTripCase("createGroup", {}, {"name": "group.name"}, "group { name }"),
    RoundTripCase("createOrganization", {}, {"name": "organization.name"}, "organization { name }"),
    RoundTripCase(
        "createPermission",
        {"name": "shop.sell"},
        {"description": "permission.description"},
        "permission { description }",
    ),
    RoundTripCase(
        "suspendUser",
        {"userId": "$user", "reason": "Spam"},
        {"reason": "user.suspension.reason", "until": "user.suspension.until"},
        "user { suspension { reason until } }",
    ),
    RoundTripCase(
        "startBulkAction",
        {"action": "SUSPEND", "reason": "Spam", "search": "no such user", "expectedCount": 0},
        {
            "search": "bulkAction.search",
            "reason": "bulkAction.arguments.reason",
            "until": "bulkAction.arguments.until",
            "filter.publicMetadata": "bulkAction.filter.publicMetadata",
            "filter.privateMetadata": "bulkAction.filter.privateMetadata",
            "filter.joined.since": "bulkAction.filter.joined.since",
            "filter.lastSeen.before": "bulkAction.filter.lastSeen.before",
            "filter.emailDomain": "bulkAction.filter.emailDomain",
            "filter.locale": "bulkAction.filter.locale",
        },
        "bulkAction { search arguments filter }",
    ),
]


# Values that random text rarely produces.
CHOSEN: Final = {"website", "locale", "timeZone"}


@pytest.mark.parametrize(
    ("kept", "field"),
    [
        pytest.param(kept, field, id=f"{kept.name}({field})")
        for kept in KEPT
        for field in kept.fields
    ],
)
def test_accepted_values_round_trip(
    administrator: GraphQLClient, alice: User, kept: RoundTripCase, field: str
) -> None:
    accepted = []

    @SETTINGS
    @hypothesis.given(BY_TYPE[type_of(kept.name, field)])
    def ask(value: Any) -> None:
        before = transaction.savepoint()
        variables = {"input": with_field(kept.base, field, value, user=node_id(alice))}
        body = json.dumps({"query": kept.document, "variables": variables})
        try:
            answer = administrator.post(body)
        finally:
            transaction.savepoint_rollback(before)
            cache.clear()
        if is_accepted(answer, value):
            accepted.append(value)
            (payload,) = answer.data.values()
            read = at(payload, kept.fields[field])
            if field == "locale":
                # The nearest language that the service speaks.
                assert read in dict(settings.LANGUAGES)
            else:
                assert is_equal(read, value)

    ask()
    assert accepted or field in CHOSEN


def is_accepted(answer: Answer, value: Any) -> bool:
    """Return whether the input was accepted; a rejection must have an error."""
    assert answer.status in {200, 400}
    if answer.body.get("errors"):
        codes = {"BAD_REQUEST", "GRAPHQL_VARIABLES_INVALID", "ARGUMENT_INVALID"}
        assert set(answer.codes) <= codes, (value, answer.body)
        return False
    return answer.problems == []


def is_equal(read: Any, sent: Any) -> bool:
    if isinstance(read, str) and isinstance(sent, str) and read != sent:
        try:
            moments = [dt.datetime.fromisoformat(each) for each in (read, sent)]
        except ValueError:
            # Names and reasons have normalised white space.
            return read.split() == sent.split()
        return moments[0] == moments[1]
    # In Python, True equals 1.
    return bool(read == sent) and json.dumps(read).count("true") == json.dumps(sent).count("true")


def type_of(name: str, field: str) -> str:
    type_ = SCHEMA.mutation_type.fields[name].args["input"].type
    for step in field.split("."):
        type_ = getattr(type_, "of_type", type_).fields[step].type
    return str(getattr(type_, "of_type", type_))


def with_field(base: dict[str, Any], field: str, value: Any, *, user: str) -> dict[str, Any]:
    given: dict[str, Any] = json.loads(json.dumps(base).replace("$user", user))
    *way, last = field.split(".")
    inner = given
    for step in way:
        inner = inner.setdefault(step, {})
    inner[last] = value
    return given


def at(payload: Any, path: str) -> Any:
    for step in path.split("."):
        payload = payload[step]
    return payload


# Data of earlier versions ------------------------------------------------------------------

POISON: Final = {"quota": 10**20, "deep": [{"huge": 10**400}], "fine": 1}
READABLE: Final = {"quota": 1e20, "deep": [{"huge": str(10**400)}], "fine": 1}
PAGE: Final = "{ users(first: 9) { nodes { username publicMetadata privateMetadata } } }"
UPDATE: Final = KEPT[0].document


def test_legacy_numbers_can_be_read_and_corrected(
    administrator: GraphQLClient, alice: User, bob: User, executor: Executor
) -> None:
    Metadata.objects.create(user=alice, public=POISON, private={"quota": -(2**70)})
    Metadata.objects.create(user=bob, public={"a": 1})
    read = executor(lambda: administrator(PAGE)).data["users"]["nodes"]
    assert {each["username"]: each["publicMetadata"] for each in read} == {
        "alice": READABLE,
        "bob": {"a": 1},
        "root": {},
    }
    assert read[0]["privateMetadata"] == {"quota": -(2.0**70)}
    id_ = node_id(alice)
    # Number by number: unchanged values are kept as stored.
    patch = {"userId": id_, "public": {"quota": 5}}
    answer = executor(lambda: administrator(UPDATE, input=patch))
    assert answer.problems == []
    assert Metadata.objects.get(user=alice).public == POISON | {"quota": 5}
    patch = {"userId": id_, "public": {"deep": None}, "private": {"quota": None}}
    answer = executor(lambda: administrator(UPDATE, input=patch))
    assert answer.data["updateMetadata"]["user"] == {
        "publicMetadata": {"quota": 5, "fine": 1},
        "privateMetadata": {},
    }


@pytest.mark.parametrize("number", ["1e20", str(2**53), str(-(2**63)), "1e400", "9" * 400])
def test_unrepresentable_numbers_are_refused(
    administrator: GraphQLClient, alice: User, number: str, executor: Executor
) -> None:
    variables = {"input": {"userId": node_id(alice), "public": {"quota": "number"}}}
    body = json.dumps({"query": UPDATE, "variables": variables}).replace('"number"', number)
    answer = administrator.post(body)
    if float(number) == float("inf"):
        # The JSON parser rejects numbers outside double precision.
        assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])
    else:
        assert answer.problems == [("VALUE_INVALID", "public")]
        assert str(MAX_NUMBER) in answer.data["updateMetadata"]["errors"][0]["message"]
    assert not Metadata.objects.exists()


def test_an_answer_that_cannot_be_serialised_fails_the_field() -> None:
    data = {"a": [1, {"b": 2**70, "c": "x"}], "d": "\ud800"}
    answer = json.loads(serialize({"data": data, "errors": [{"message": "before"}]}))
    assert answer["data"] == {"a": [1, {"b": None, "c": "x"}], "d": None}
    first, *others = answer["errors"]
    assert first == {"message": "before"}
    assert [(each["path"], each["extensions"]) for each in others] == [
        (["a", 1, "b"], {"code": "INTERNAL_ERROR"}),
        (["d"], {"code": "INTERNAL_ERROR"}),
    ]


# Bulk actions ------------------------------------------------------------------------------

UNUSABLE: Final[list[dict[str, Any]]] = [
    {"conditions": {"public_metadata": {"quota": 10**20}}},
    {"conditions": {"public_metadata": {}}},
    {"conditions": {"joined": {"since": "2026-01-01T00:00:00+23:59"}}},
    {"conditions": {"joined": {"since": "no moment"}}},
    {"conditions": {}, "none_of": {"conditions": {}}},
    {},
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("filter_", UNUSABLE, ids=str)
def test_a_bulk_action_that_cannot_be_carried_out_ends_as_failed(filter_: dict[str, Any]) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    alice = make_user("alice")
    administrator = GraphQLClient(make_token(root))
    bulk_action = started(administrator, 1)
    BulkAction.objects.update(selection={"filter": filter_, "search": None})
    assert run_turns() == 1
    bulk_action.refresh_from_db()
    assert bulk_action.state == JobState.FAILED
    assert bulk_action.finished_at is not None
    assert not OutboxMessage.objects.filter(subscriber__endswith="run_bulk_action").exists()
    assert Event.objects.latest("pk").tag == Tag.BULK_ACTION_FINISHED
    alice.refresh_from_db()
    assert alice.is_active
    found = administrator(READ_BULK_ACTION, id=node_id(bulk_action)).body["data"]["bulkAction"]
    assert found is None or found["state"] == "FAILED"
    # Another bulk action can start.
    assert start(administrator, 1).problems == []


def test_a_former_filter_is_read(administrator: GraphQLClient, root: User) -> None:
    selection = {"filter": {"conditions": {"public_metadata": POISON}}, "search": None}
    bulk_action = make_bulk_action(root, selection=selection)
    found = administrator(READ_BULK_ACTION, id=node_id(bulk_action)).data["bulkAction"]
    assert found["filter"] == {"publicMetadata": READABLE}
