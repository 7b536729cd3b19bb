"""The audit trail: access, filters and erasable details."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from core.database.ids import first_id_at, last_id_at, new_id
from core.security.actor import Actor
from tests.support.client import GraphQLClient
from tests.support.factories import node_id
from tests.support.partitions import analyze_events, indexes_of_tables
from users.accounts.models import User
from users.activity.models import Event, EventDetails
from users.activity.services.record import record
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

EVENTS = """
    query ($filter: EventFilter, $after: String) {
      events(first: 3, filter: $filter, after: $after) {
        edges {
          node {
            id tag data ip userAgent personal
            actor { username } subject { username }
          }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
"""


@pytest.fixture
def trail(alice: User, bob: User, root: User) -> list[Event]:
    """Return four events, oldest first."""
    as_alice = Actor(user_id=alice.pk, ip="192.0.2.1", user_agent="Firefox")
    as_root = Actor(user_id=root.pk, ip="192.0.2.9", is_superuser=True)
    stranger = Actor(ip="192.0.2.66")
    return [
        record(Tag.LOG_IN_REFUSED, actor=stranger, subject_id=alice.pk),
        record(Tag.LOGGED_IN, actor=as_alice, subject_id=alice.pk),
        record(
            Tag.EMAIL_CHANGED,
            actor=as_root,
            subject_id=alice.pk,
            personal={"old": {"email": "old@example.org"}},
        ),
        record(Tag.USER_CHANGED, actor=as_root, subject_id=bob.pk, new={"is_staff": True}),
    ]


def nodes(client: GraphQLClient, **variables: Any) -> list[dict[str, Any]]:
    return [edge["node"] for edge in client(EVENTS, **variables).data["events"]["edges"]]


def tags(client: GraphQLClient, **conditions: Any) -> list[str]:
    return [node["tag"] for node in nodes(client, filter=conditions)]


def test_administrators_read_all_events_newest_first(
    client_of: ClientOf, root: User, trail: list[Event]
) -> None:
    client = client_of(root)
    first = client(EVENTS).data["events"]
    assert [edge["node"]["tag"] for edge in first["edges"]] == [
        "USER_CHANGED",
        "EMAIL_CHANGED",
        "LOGGED_IN",
    ]
    assert first["pageInfo"]["hasNextPage"]
    (last,) = nodes(client, after=first["pageInfo"]["endCursor"])
    assert last == {
        "id": node_id(trail[0]),
        "tag": "LOG_IN_REFUSED",
        "data": {},
        "ip": "192.0.2.66",
        "userAgent": None,
        "personal": {},
        "actor": None,
        "subject": {"username": "alice"},
    }


def test_users_read_their_events_without_addresses_of_others(
    client_of: ClientOf, alice: User, trail: list[Event]
) -> None:
    changed, logged_in, refused = nodes(client_of(alice))
    assert (changed["tag"], changed["ip"], changed["personal"]) == ("EMAIL_CHANGED", None, None)
    assert changed["actor"] is None
    assert (logged_in["ip"], logged_in["userAgent"]) == ("192.0.2.1", "Firefox")
    assert refused["ip"] == "192.0.2.66"


def test_others_read_nothing(
    client_of: ClientOf, charlie: User, sam: User, anonymous: GraphQLClient, trail: list[Event]
) -> None:
    assert nodes(client_of(charlie)) == []
    assert nodes(client_of(sam)) == []
    assert anonymous(EVENTS).codes == ["UNAUTHENTICATED"]
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert client_of(charlie)(node, id=node_id(trail[0])).data == {"node": None}


def test_filters(client_of: ClientOf, root: User, alice: User, trail: list[Event]) -> None:
    client = client_of(root)
    assert tags(client, tag="LOGGED_IN") == ["LOGGED_IN"]
    assert tags(client, actor=node_id(root)) == ["USER_CHANGED", "EMAIL_CHANGED"]
    assert tags(client, subject=node_id(alice), actor=node_id(root)) == ["EMAIL_CHANGED"]
    assert len(tags(client, subject=node_id(alice))) == 3
    for unknown in ("x", "", node_id(trail[0])):
        assert tags(client, subject=unknown) == []
        assert tags(client, actor=unknown) == []


def test_filter_by_time(client_of: ClientOf, root: User, alice: User) -> None:
    client = client_of(root)
    now = timezone.now()
    for age in (3, 2, 1):
        moment = now - dt.timedelta(days=age)
        Event.objects.create(id=first_id_at(moment), tag=Tag.LOGGED_IN, data={"days": age})

    def days(**conditions: Any) -> list[int]:
        return [node["data"]["days"] for node in nodes(client, filter=conditions)]

    def ago(**delta: float) -> str:
        return (now - dt.timedelta(**delta)).isoformat()

    assert days(since=ago(days=2, minutes=1)) == [1, 2]
    assert days(before=ago(days=2, minutes=-1)) == [2, 3]
    assert days(since=ago(days=2, minutes=1), before=ago(days=1, minutes=1)) == [2]
    assert days(since=ago(days=-1)) == []
    assert days(since="1960-01-01T00:00:00Z", before="9999-01-01T00:00:00Z") == [1, 2, 3]


def test_ids_grow_with_time() -> None:
    now = timezone.now()
    assert first_id_at(now) <= new_id() < first_id_at(now + dt.timedelta(seconds=5))
    assert first_id_at(now).version == last_id_at(now).version == 7
    assert first_id_at(now) < last_id_at(now) < first_id_at(now + dt.timedelta(milliseconds=1))


def test_details_match_their_digest_until_erased(
    client_of: ClientOf, alice: User, trail: list[Event]
) -> None:
    for event in Event.objects.select_related("details"):
        assert event.details.digest() == bytes(event.details_digest or b"")
    salts = {bytes(details.salt) for details in EventDetails.objects.all()}
    assert len(salts) == 4
    digests = {bytes(event.details_digest or b"") for event in Event.objects.all()}
    EventDetails.objects.filter(event__subject_id=alice.pk).delete()
    _changed, logged_in, _refused = nodes(client_of(alice))
    assert (logged_in["ip"], logged_in["personal"]) == (None, {})
    assert {bytes(event.details_digest or b"") for event in Event.objects.all()} == digests


# Query plans -----------------------------------------------------------------------------


def index_of(events: QuerySet[Event]) -> set[str]:
    plan = json.loads(events.order_by("-pk")[:51].explain(format="json"))[0]["Plan"]
    nodes, names = [plan], set()
    while nodes:
        node = nodes.pop()
        names.add(node.get("Index Name", node["Node Type"]))
        nodes += node.get("Plans", [])
    return indexes_of_tables(names) - {"Limit", "Append"}


@pytest.mark.usefixtures("db")
def test_every_filter_has_its_index() -> None:
    users = [new_id() for _number in range(500)]
    organizations = [new_id() for _number in range(40)]
    columns = zip(
        *(
            (
                new_id(),
                Tag.PROFILE_CHANGED.value if number % 500 else Tag.LOGGED_IN.value,
                users[number % 499],
                users[number % 500],
                organizations[number % 40] if number % 10 == 0 else None,
            )
            for number in range(20_000)
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        # Objects of the model would take seconds.
        cursor.execute(
            """
            INSERT INTO activity_event
                (id, tag, actor_id, subject_id, organization_id, data, created_at)
            SELECT *, '{}', now()
            FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[])
            """,
            list(map(list, columns)),
        )
        analyze_events()
        # The planner may sort twenty thousand rows; with millions it would use the index.
        cursor.execute("SET LOCAL enable_sort = off")
    events, now = Event.objects.all(), timezone.now()
    assert index_of(events.filter(subject_id=users[0])) == {"event_subject"}
    assert index_of(events.filter(actor_id=users[0])) == {"event_actor"}
    assert index_of(events.filter(tag=Tag.LOGGED_IN)) == {"event_tag"}
    assert index_of(events.filter(organization_id=organizations[0])) == {"event_organization"}
    assert index_of(events) == {"activity_event_pkey"}
    assert index_of(events.since(now - dt.timedelta(days=1)).before(now)) == {"activity_event_pkey"}
