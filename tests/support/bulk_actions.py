"""Bulk actions, started over the API and run as by a worker."""

from typing import Any

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import make_users
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.bulk.models import BulkAction

FIELDS = """
    id action state total done unchanged failed createdAt startedAt finishedAt
    requester { username } search filter arguments
    failures(first: 9) { nodes { user { username } code } totalCount { value } }
"""
START = f"""
    mutation ($input: StartBulkActionInput!) {{ startBulkAction(input: $input) {{
      bulkAction {{ {FIELDS} }} selectedCount {{ value isExact }} errors {{ code field message }}
    }} }}
"""
CANCEL = f"""
    mutation ($id: ID!) {{ cancelBulkAction(input: {{bulkActionId: $id}}) {{
      bulkAction {{ {FIELDS} }} errors {{ code field message }}
    }} }}
"""
READ = f"query ($id: ID!) {{ bulkAction(id: $id) {{ {FIELDS} }} }}"
LIST = """
    query ($first: Int = 9, $after: String) { bulkActions(first: $first, after: $after) {
      nodes { id state } pageInfo { endCursor hasNextPage } totalCount { value }
    } }
"""
SUSPEND = {"action": "SUSPEND", "reason": "Sent spam."}
ACTIVE = {"isActive": True, "isStaff": False}


def make_people(count: int) -> list[User]:
    return make_users(f"person-{number}" for number in range(count))


def start(client: GraphQLClient, count: int, **values: Any) -> Answer:
    """Start a bulk action over the API; by default, suspend ordinary users."""
    return client(START, input={"filter": ACTIVE, "expectedCount": count} | SUSPEND | values)


def started(client: GraphQLClient, count: int, **values: Any) -> BulkAction:
    """Start an action; assert that it is accepted."""
    assert start(client, count, **values).problems == []
    return BulkAction.objects.latest("pk")


def run_turns() -> int:
    """Deliver all messages; return their number."""
    turns = 0
    while message := OutboxMessage.objects.filter(subscriber__endswith="run_bulk_action").first():
        deliver(message.pk)
        turns += 1
    return turns


def carried_out(client: GraphQLClient, count: int, **values: Any) -> BulkAction:
    """Start an action and run it to its end."""
    bulk_action = started(client, count, **values)
    run_turns()
    bulk_action.refresh_from_db()
    return bulk_action


def counts(bulk_action: BulkAction) -> tuple[int, int, int]:
    """Return the numbers of succeeded, unchanged and refused users."""
    return bulk_action.done, bulk_action.unchanged, bulk_action.failed


def suspended() -> list[Any]:
    """Return the suspended users, one entry per suspension."""
    events = Event.objects.filter(tag=Tag.USER_SUSPENDED).order_by("pk")
    return list(events.values_list("subject_id", flat=True))


def run_turn() -> None:
    """Deliver the next message."""
    deliver(OutboxMessage.objects.get().pk)
