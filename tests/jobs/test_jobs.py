"""Jobs of all kinds: one list, one interface, one way to cancel."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import (
    global_id,
    make_api_token,
    make_bulk_action,
    make_user,
    make_user_export,
    node_id,
)
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.bulk.models import BulkAction
from users.exports.models import UserExport
from users.jobs.states import JobState
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]
Capture = Callable[[], AbstractContextManager[Statements]]

JOB = """
    __typename id state total done unchanged failed progress rate createdAt startedAt estimatedEnd
    finishedAt requester { username }
    errors(first: 9) { nodes { code ... on BulkFailure { user { username } } }
      totalCount { value } }
    ... on BulkAction { action }
    ... on UserExport { fields format url expiresAt size search filter }
"""
LIST = f"""query ($first: Int, $after: String, $last: Int, $before: String) {{
  jobs(first: $first, after: $after, last: $last, before: $before) {{
    nodes {{ {JOB} }} edges {{ cursor node {{ id }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
    totalCount {{ value isExact }}
  }}
}}"""
ONE = f"query ($id: ID!) {{ job(id: $id) {{ {JOB} }} }}"
CANCEL = f"""mutation ($id: ID!) {{ cancelJob(input: {{jobId: $id}}) {{
  job {{ {JOB} }} errors {{ code field message }}
}} }}"""


def make_jobs(requester: User, count: int) -> list[BulkAction | UserExport]:
    """Create jobs of alternating kinds, oldest first."""
    kinds = (make_bulk_action, make_user_export)
    return [kinds[number % 2](requester) for number in range(count)]


# Lists -----------------------------------------------------------------------------------


def test_jobs_of_all_kinds_are_listed_newest_first(
    executor: Executor, administrator: GraphQLClient, root: User, alice: User
) -> None:
    bulk_action = make_bulk_action(root, alice)
    export = make_user_export(root)
    shown = executor(lambda: administrator(LIST, first=9)).data["jobs"]
    first, second = shown["nodes"]
    assert (first["__typename"], first["id"]) == ("UserExport", node_id(export))
    assert (first["fields"], first["format"]) == (["USERNAME", "EMAIL"], "CSV")
    assert (first["search"], first["filter"]) == ("person", {"isActive": True})
    assert first["errors"] == {"nodes": [], "totalCount": {"value": 0}}
    assert (second["__typename"], second["id"]) == ("BulkAction", node_id(bulk_action))
    assert (second["action"], second["requester"]) == ("SUSPEND", {"username": "root"})
    assert second["errors"] == {
        "nodes": [{"code": "LAST_ADMINISTRATOR", "user": {"username": "alice"}}],
        "totalCount": {"value": 1},
    }
    assert [edge["node"]["id"] for edge in shown["edges"]] == [first["id"], second["id"]]
    assert shown["totalCount"] == {"value": 2, "isExact": True}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_pages_follow_each_other_in_both_directions(
    executor: Executor, administrator: GraphQLClient, root: User, size: int
) -> None:
    expected = [node_id(job) for job in reversed(make_jobs(root, 7))]
    found: list[str] = []
    cursor = None
    while True:
        page = executor(lambda: administrator(LIST, first=size, after=cursor)).data["jobs"]  # noqa: B023
        found += [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] == (cursor is not None)
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == expected
    found, cursor = [], None
    while True:
        page = executor(lambda: administrator(LIST, last=size, before=cursor)).data["jobs"]  # noqa: B023
        found = [node["id"] for node in page["nodes"]] + found
        assert page["pageInfo"]["hasNextPage"] == (cursor is not None)
        cursor = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert found == expected


def test_an_empty_list_has_no_cursors(executor: Executor, administrator: GraphQLClient) -> None:
    page = executor(lambda: administrator(LIST, first=1)).data["jobs"]
    assert (page["nodes"], page["edges"], page["totalCount"]["value"]) == ([], [], 0)
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "ARGUMENT_INVALID"),
        ({"first": 0}, "ARGUMENT_INVALID"),
        ({"first": 101}, "ARGUMENT_INVALID"),
        ({"first": 1, "last": 1}, "ARGUMENT_INVALID"),
        ({"first": 1, "after": "x"}, "CURSOR_INVALID"),
    ],
)
def test_invalid_pages_are_refused(
    administrator: GraphQLClient, arguments: dict[str, Any], code: str
) -> None:
    assert administrator(LIST, **arguments).codes == [code]


def test_statements_do_not_depend_on_the_number_of_jobs(
    administrator: GraphQLClient, root: User, alice: User, statements: Capture
) -> None:
    taken = []
    for count in (2, 20):
        for number in range(count):
            make_bulk_action(root, alice) if number % 2 else make_user_export(root)
        administrator(LIST, first=50)
        with statements() as captured:
            assert administrator(LIST, first=50).codes == []
        taken.append(len(captured))
    # The session; of the three kinds the keys of the page and their number, and the jobs in `nodes`
    # and in `edges` of the two that are there; the failures of bulk actions with their users, and
    # their number.
    assert taken == [13, 13]


# Visibility ------------------------------------------------------------------------------


def test_jobs_are_visible_to_administrators_and_their_requesters(
    executor: Executor,
    client_of: ClientOf,
    administrator: GraphQLClient,
    sam: User,
    root: User,
    alice: User,
) -> None:
    # Sam was an administrator when he started them.
    own, others = make_jobs(sam, 2), make_jobs(root, 2)
    expected = {sam: own, root: [*own, *others], alice: []}
    for user, seen in expected.items():
        client = client_of(user)
        shown = executor(lambda: client(LIST, first=9)).data["jobs"]  # noqa: B023
        assert {node["id"] for node in shown["nodes"]} == {node_id(each) for each in seen}
        assert shown["totalCount"]["value"] == len(seen)
        for each in (*own, *others):
            found = executor(lambda: client(ONE, id=node_id(each))).data["job"]  # noqa: B023
            assert (found is not None) == (each in seen)


@pytest.mark.parametrize("id_", ["x", global_id("User", UUID(int=0)), global_id("UserExport", "x")])
def test_ids_of_other_types_find_no_job(administrator: GraphQLClient, id_: str) -> None:
    assert administrator(ONE, id=id_).data == {"job": None}
    assert administrator(CANCEL, id=id_).problems == [("NOT_FOUND", "jobId")]


# Progress --------------------------------------------------------------------------------


def test_progress_of_a_running_job(administrator: GraphQLClient, root: User) -> None:
    begun = timezone.now() - dt.timedelta(seconds=100)
    job = make_user_export(
        root, state=JobState.RUNNING, total=400, done=100, started_at=begun, finished_at=None
    )
    shown = administrator(ONE, id=node_id(job)).data["job"]
    assert (shown["state"], shown["progress"]) == ("RUNNING", 0.25)
    assert 0.5 < shown["rate"] <= 1
    assert dt.datetime.fromisoformat(shown["estimatedEnd"]) > timezone.now()
    assert (shown["finishedAt"], shown["url"], shown["expiresAt"]) == (None, None, None)


def test_nothing_is_estimated_without_a_total_or_a_start(
    administrator: GraphQLClient, root: User
) -> None:
    pending = make_user_export(
        root, state=JobState.PENDING, total=None, started_at=None, finished_at=None
    )
    shown = administrator(ONE, id=node_id(pending)).data["job"]
    assert (shown["progress"], shown["rate"], shown["estimatedEnd"]) == (None, None, None)
    empty = make_bulk_action(root, total=0, failed=0)
    assert administrator(ONE, id=node_id(empty)).data["job"]["progress"] == 1


# Cancelling ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "tag"),
    [
        (make_bulk_action, Tag.BULK_ACTION_CANCELED),
        (make_user_export, Tag.USER_EXPORT_CANCELED),
    ],
)
def test_jobs_of_each_kind_are_canceled(
    executor: Executor, administrator: GraphQLClient, root: User, make: Any, tag: Tag
) -> None:
    job = make(root, state=JobState.RUNNING, finished_at=None)
    shown = executor(lambda: administrator(CANCEL, id=node_id(job))).data["cancelJob"]
    assert (shown["errors"], shown["job"]["state"]) == ([], "CANCELED")
    event = Event.objects.get()
    assert (event.tag, event.actor_id) == (tag, root.pk)
    # A second time, nothing is done.
    assert administrator(CANCEL, id=node_id(job)).problems == []
    assert Event.objects.count() == 1


def test_only_administrators_cancel_jobs(
    client_of: ClientOf, anonymous: GraphQLClient, sam: User, alice: User
) -> None:
    job = make_user_export(sam, state=JobState.RUNNING, finished_at=None)
    assert anonymous(CANCEL, id=node_id(job)).codes == ["UNAUTHENTICATED"]
    for user in (sam, alice):
        assert client_of(user)(CANCEL, id=node_id(job)).codes == ["FORBIDDEN"]
    assert UserExport.objects.live().count() == 1
    token = GraphQLClient(make_api_token(make_user("ruth", is_superuser=True), Scope.USERS_WRITE))
    assert token(CANCEL, id=node_id(job)).problems == []
    assert UserExport.objects.live().count() == 0
