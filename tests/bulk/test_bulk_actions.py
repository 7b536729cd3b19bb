"""Bulk actions: selections, effects, failures, visibility and cancellation."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group

from core.outbox.models import OutboxMessage
from tests.support.bulk_actions import (
    CANCEL,
    LIST,
    READ,
    carried_out,
    counts,
    make_people,
    run_turns,
    start,
    started,
)
from tests.support.client import GraphQLClient
from tests.support.factories import (
    make_bulk_action,
    make_organization,
    make_service,
    make_session,
    make_token,
    make_user,
    node_id,
)
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.accounts.models import User
from users.activity.models import Event, EventDetails
from users.activity.personal_data_registry import export_subject
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension
from users.bulk.models import BulkAction, BulkFailure
from users.organizations.models import Role
from users.privacy.archive import write_archive
from users.privacy.models import AccountDeletion
from users.privacy.services.erasure import erase_user

ClientOf = Callable[[User], GraphQLClient]


# Effects ---------------------------------------------------------------------------------


def test_worker_suspends_all_selected_users(worker: Sink) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    users, others = make_people(5), [make_user("sam", is_staff=True), make_service("robot")]
    sessions = [make_session(user) for user in users]
    administrator = GraphQLClient(make_token(root))

    answer = start(administrator, 5, until="2100-01-31T12:00:00Z", search="person")

    shown = answer.data["startBulkAction"]["bulkAction"]
    assert (shown["action"], shown["total"]) == ("SUSPEND", 5)
    assert shown["requester"] == {"username": "root"}
    assert (shown["search"], shown["filter"]) == ("person", {"isActive": True, "isStaff": False})
    assert shown["arguments"] == {"reason": "Sent spam.", "until": "2100-01-31T12:00:00+00:00"}
    wait_until(lambda: not BulkAction.objects.live().exists())
    shown = administrator(READ, id=shown["id"]).data["bulkAction"]
    assert (shown["state"], shown["done"], shown["unchanged"], shown["failed"]) == (
        *("COMPLETED", 5, 0, 0),
    )
    assert shown["createdAt"] <= shown["startedAt"] <= shown["finishedAt"]
    assert shown["failures"] == {"nodes": [], "totalCount": {"value": 0}}
    assert {each.pk for each in users} == {*Suspension.objects.values_list("pk", flat=True)}
    assert set(Suspension.objects.values_list("reason", flat=True)) == {"Sent spam."}
    assert User.objects.filter(pk__in=[each.pk for each in others], is_active=True).count() == 2
    assert not Session.objects.filter(pk__in=[each.pk for each in sessions]).exists()
    wait_until(lambda: not OutboxMessage.objects.exists())


def test_events_are_those_of_single_actions(administrator: GraphQLClient, root: User) -> None:
    users = make_people(2)
    bulk_action = carried_out(administrator, 2)

    tags = list(Event.objects.order_by("pk").values_list("tag", flat=True))
    suspended = Event.objects.filter(tag=Tag.USER_SUSPENDED).order_by("pk")
    begun, ended = Event.objects.exclude(tag=Tag.USER_SUSPENDED).order_by("pk")
    assert tags == [begun.tag, *[Tag.USER_SUSPENDED] * 2, ended.tag]
    assert [event.subject_id for event in suspended] == [user.pk for user in users]
    assert {event.actor_id for event in suspended} == {root.pk}
    assert [event.data for event in suspended] == [
        {"until": None, "sessions": 0, "bulk_action": str(bulk_action.pk)}
    ] * 2
    (reason, _again) = EventDetails.objects.filter(event__in=suspended).order_by("pk")
    assert reason.values == {"reason": "Sent spam."}
    assert (begun.tag, begun.actor_id, begun.subject_id) == (
        *(Tag.BULK_ACTION_STARTED, root.pk, None),
    )
    assert begun.data == {"bulk_action": str(bulk_action.pk), "kind": "suspend", "total": 2}
    assert (ended.tag, ended.actor_id) == (Tag.BULK_ACTION_FINISHED, None)
    assert ended.data == {
        "bulk_action": str(bulk_action.pk),
        "state": "completed",
        "done": 2,
        "unchanged": 0,
        "failed": 0,
    }


def test_mails_are_those_of_single_actions(worker: Sink) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    make_people(2)
    client = GraphQLClient(make_token(root))
    started(client, 2, action="REQUIRE_PASSWORD_RESET", reason=None)
    assert {worker.next()["To"] for _number in range(2)} == {
        *("person-0@example.org", "person-1@example.org"),
    }


# Selections ------------------------------------------------------------------------------


def test_the_selection_is_that_of_the_directory(
    administrator: GraphQLClient, alice: User, bob: User, charlie: User, root: User
) -> None:
    organization = make_organization("Archers", alice, role=Role.OWNER)
    make_organization("Chess", bob, role=Role.OWNER)
    group = Group.objects.create(name="Editors")
    charlie.groups.add(group)
    filters: list[dict[str, Any]] = [
        {"membership": {"organization": node_id(organization), "role": "OWNER"}},
        {"or": [{"group": node_id(group)}, {"emailDomain": "example.net"}]},
        {"and": [{"isActive": True}, {"not": {"isSuperuser": True}}]},
        {"joined": {"since": "2020-01-01T00:00:00.123456Z"}, "lastSeen": {"before": None}},
        {"isVerified": False, "locale": "en"},
    ]
    listing = """query ($filter: UserFilter, $search: String) {
      users(first: 9, filter: $filter, search: $search, orderBy: {field: JOINED}) {
        nodes { id } totalCount { value }
      }
    }"""
    for filter_, search in [*((each, None) for each in filters), (None, "arch"), ({}, "ch")]:
        listed = administrator(listing, filter=filter_, search=search).data["users"]
        expected = [node["id"] for node in listed["nodes"]]
        bulk_action = carried_out(
            administrator,
            listed["totalCount"]["value"],
            action="UNLOCK",
            reason=None,
            filter=filter_,
            search=search,
        )
        touched = Event.objects.filter(
            tag=Tag.USER_UNLOCKED, data__bulk_action=str(bulk_action.pk)
        ).order_by("pk")
        refused = BulkFailure.objects.filter(bulk_action=bulk_action)
        assert [node_id(User(pk=event.subject_id)) for event in touched] == [
            id_ for id_ in expected if id_ != node_id(root)
        ]
        assert [node_id(each.user) for each in refused] == [
            id_ for id_ in expected if id_ == node_id(root)
        ]
        # The stored selection round-trips and selects the same users.
        shown = administrator(READ, id=node_id(bulk_action)).data["bulkAction"]
        again = administrator(listing, filter=shown["filter"], search=shown["search"])
        assert again.data["users"] == listed


def test_selecting_everybody_must_be_explicit(
    administrator: GraphQLClient, alice: User, root: User
) -> None:
    make_service("robot")
    given = {"action": "UNLOCK", "reason": None}
    nothing: list[dict[str, Any]] = [
        {"filter": None},
        {"filter": {}},
        {"filter": {"joined": {}}},
        {"filter": {"and": [{"lastSeen": {}}]}},
        {"filter": None, "everybody": False},
    ]
    for values in nothing:
        answer = start(administrator, 2, **given | values)
        assert answer.problems == [("VALUE_INVALID", "filter")]
    answer = start(administrator, 2, **given, filter={"isActive": True}, everybody=True)
    assert answer.problems == [("VALUE_INVALID", "everybody")]
    assert not BulkAction.objects.exists()

    bulk_action = carried_out(administrator, 2, **given, filter=None, everybody=True)

    # Neither the administrator nor service accounts.
    assert counts(bulk_action) == (1, 0, 1)
    shown = administrator(READ, id=node_id(bulk_action)).data["bulkAction"]
    assert (shown["filter"], shown["search"]) == ({}, None)


def test_empty_selection_is_allowed(administrator: GraphQLClient) -> None:
    bulk_action = carried_out(administrator, 0, search="unknown")
    assert (bulk_action.state, counts(bulk_action)) == ("completed", (0, 0, 0))


# Failures --------------------------------------------------------------------------------


def test_failures_are_stored_with_their_codes(
    administrator: GraphQLClient, alice: User, bob: User, root: User
) -> None:
    make_organization("Archers", alice, role=Role.OWNER)
    given = {"action": "DELETE", "reason": None, "filter": {"isActive": True}}

    bulk_action = carried_out(administrator, 3, **given)

    assert counts(bulk_action) == (1, 0, 2)
    shown = administrator(READ, id=node_id(bulk_action)).data["bulkAction"]
    assert shown["failures"] == {
        "nodes": [
            {"user": {"username": "root"}, "code": "OWN_ACCOUNT"},
            {"user": {"username": "alice"}, "code": "LAST_OWNER"},
        ],
        "totalCount": {"value": 2},
    }
    assert [each.pk for each in AccountDeletion.objects.all()] == [bob.pk]
    assert User.objects.filter(pk__in=[alice.pk, root.pk], is_active=True).count() == 2
    assert not Event.objects.filter(subject_id__in=[alice.pk, root.pk]).exists()


def test_partial_failures_are_recorded(administrator: GraphQLClient, alice: User) -> None:
    make_people(2)
    AccountDeletion.objects.create(user=alice, expires_at=alice.date_joined.replace(year=2100))
    given = {"action": "CANCEL_DELETION", "reason": None, "filter": {"isStaff": False}}
    bulk_action = carried_out(administrator, 3, **given)
    assert counts(bulk_action) == (1, 0, 2)
    assert set(BulkFailure.objects.values_list("code", flat=True)) == {"NOT_FOUND"}


# Visibility ------------------------------------------------------------------------------


def test_refusals_are_paged(administrator: GraphQLClient, root: User) -> None:
    users = make_people(5)
    bulk_action = make_bulk_action(root, *users)
    query = """query ($id: ID!, $after: String) { bulkAction(id: $id) {
      failures(first: 2, after: $after) {
        nodes { user { username } } pageInfo { hasNextPage endCursor }
      }
    } }"""
    found: list[str] = []
    after = None
    while True:
        answer = administrator(query, id=node_id(bulk_action), after=after)
        page = answer.data["bulkAction"]["failures"]
        found += [node["user"]["username"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == [user.username for user in users]


def test_visible_bulk_actions_are_listed_newest_first(
    client_of: ClientOf, administrator: GraphQLClient, root: User, sam: User, alice: User
) -> None:
    # Sam was an administrator when he started it.
    own, other = make_bulk_action(sam), make_bulk_action(root)
    expected = {sam: [own], root: [other, own], alice: []}
    for user, seen in expected.items():
        shown = client_of(user)(LIST).data["bulkActions"]
        assert [node["id"] for node in shown["nodes"]] == [node_id(each) for each in seen]
        assert shown["totalCount"]["value"] == len(seen)
        for each in (own, other):
            answer = client_of(user)(READ, id=node_id(each))
            assert (answer.data["bulkAction"] is not None) == (each in seen)


# Personal data ---------------------------------------------------------------------------


def test_bulk_actions_are_exported_and_erased(root: User, alice: User, bob: User) -> None:
    own = make_bulk_action(alice, bob)
    other = make_bulk_action(root, alice, bob)
    with write_archive(export_subject(alice.pk)) as archive:
        tables = json.load(archive)["tables"]
    (shown,) = tables["bulk.BulkAction"]
    assert (shown["kind"], shown["failed"]) == ("suspend", 1)
    assert not {"selection", "arguments"} & set(shown)
    (refused,) = tables["bulk.BulkFailure"]
    assert (refused["code"], refused["bulk_action__kind"]) == ("LAST_ADMINISTRATOR", "suspend")

    User.objects.filter(pk=alice.pk).update(is_active=False)
    AccountDeletion.objects.create(user=alice, expires_at=alice.date_joined)
    erase_user(alice.pk)

    assert not BulkAction.objects.filter(pk=own.pk).exists()
    (left,) = BulkFailure.objects.all()
    assert (left.bulk_action_id, left.user_id) == (other.pk, bob.pk)


def selecting(search: str, **fields: Any) -> dict[str, Any]:
    return {"selection": {"filter": {"conditions": {}}, "search": search}} | fields


def test_selections_and_reasons_naming_an_erased_user_are_cleared(
    administrator: GraphQLClient, root: User, alice: User
) -> None:
    conditions = {"any_of": [{"conditions": {"email_domain": alice.email.upper()}}]}
    naming = [
        make_bulk_action(root, **selecting(alice.email)),
        make_bulk_action(root, **selecting("spam", arguments={"reason": "Alice did (alice)."})),
        make_bulk_action(root, selection={"filter": conditions, "search": None}),
    ]
    others = [
        make_bulk_action(root, **selecting("malice")),
        make_bulk_action(root, **selecting("spam")),
    ]
    User.objects.filter(pk=alice.pk).update(is_active=False)
    AccountDeletion.objects.create(user=alice, expires_at=alice.date_joined)
    erase_user(alice.pk)

    for bulk_action in naming:
        shown = administrator(READ, id=node_id(bulk_action)).data["bulkAction"]
        assert (shown["search"], shown["filter"], shown["arguments"]) == (None, None, {})
    for bulk_action in others:
        shown = administrator(READ, id=node_id(bulk_action)).data["bulkAction"]
        assert shown["search"]
        assert shown["arguments"] == {"reason": "Spam"}


# Canceling -------------------------------------------------------------------------------


def test_canceling_before_the_start_changes_no_user(
    administrator: GraphQLClient, root: User
) -> None:
    make_people(2)
    bulk_action = started(administrator, 2)

    answer = administrator(CANCEL, id=node_id(bulk_action))

    shown = answer.data["cancelBulkAction"]
    assert (shown["errors"], shown["bulkAction"]["state"]) == ([], "CANCELED")
    assert shown["bulkAction"]["finishedAt"] is not None
    run_turns()
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("canceled", (0, 0, 0))
    assert not Suspension.objects.exists()
    canceled = Event.objects.latest("pk")
    assert (canceled.tag, canceled.actor_id) == (Tag.BULK_ACTION_CANCELED, root.pk)
    assert canceled.data == {"bulk_action": str(bulk_action.pk)}
    # Another action can start, and canceling again is a no-op.
    seen = Event.objects.count()
    assert administrator(CANCEL, id=node_id(bulk_action)).problems == []
    assert Event.objects.count() == seen
    assert start(administrator, 2).problems == []


def test_administrators_cancel_actions_of_others(
    client_of: ClientOf, administrator: GraphQLClient, alice: User
) -> None:
    bulk_action = started(administrator, 1)
    other = make_user("ruth", is_staff=True, is_superuser=True)
    assert client_of(alice)(CANCEL, id=node_id(bulk_action)).codes == ["FORBIDDEN"]
    assert BulkAction.objects.live().exists()
    assert client_of(other)(CANCEL, id=node_id(alice)).problems == [("NOT_FOUND", "bulkActionId")]
    assert client_of(other)(CANCEL, id=node_id(bulk_action)).problems == []
    assert not BulkAction.objects.live().exists()
