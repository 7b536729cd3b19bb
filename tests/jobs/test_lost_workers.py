"""Jobs whose turn is given up fail with the reason."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.outbox.failures import MAX_INTERRUPTIONS
from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from tests.admin.support import change_url, make_administrator, sign_in
from tests.support import bulk_actions, user_exports
from tests.support.client import GraphQLClient
from tests.support.factories import make_bulk_action, make_user_export, make_user_import, node_id
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.bulk.actions import Action
from users.jobs.kinds import job_kinds
from users.jobs.services import run as turns
from users.jobs.services.run import publish_turn
from users.jobs.states import JobState

REASON = f"lost {MAX_INTERRUPTIONS} workers"
READ = """query ($id: ID!) { job(id: $id) { state failureReason finishedAt done } }"""


def lose_workers(message: OutboxMessage) -> None:
    """Deliver a message as the eleventh worker does, the ten before which were killed."""
    past = timezone.now() - dt.timedelta(seconds=1)
    rows = OutboxMessage.objects.filter(pk=message.pk)
    rows.update(attempts=10, interruptions=MAX_INTERRUPTIONS - 1, claimed_until=past)
    deliver(message.pk)


def running(kind: Any, requester: User, *, turn: int) -> Any:
    """Create a running job of a kind, and publish a turn of it."""
    make: dict[str, Any] = {
        "BulkAction": make_bulk_action,
        "UserExport": make_user_export,
        "UserImport": make_user_import,
    }
    job = make[kind.model.__name__](
        requester, state=JobState.RUNNING, finished_at=None, turn=turn, done=1
    )
    publish_turn(kind, job, turn)
    return job


@pytest.mark.parametrize("name", ["BulkAction", "UserExport", "UserImport"])
def test_job_of_each_kind_fails(administrator: GraphQLClient, root: User, name: str) -> None:
    kind = job_kinds()[name]
    job = running(kind, root, turn=3)
    lose_workers(OutboxMessage.objects.get())
    shown = administrator(READ, id=node_id(job)).data["job"]
    assert (shown["state"], shown["failureReason"], shown["done"]) == ("FAILED", REASON, 1)
    assert shown["finishedAt"] is not None
    event = Event.objects.get(tag=kind.finished)
    assert (event.data["state"], event.data[kind.name]) == ("failed", str(job.pk))


def test_next_job_can_be_started(administrator: GraphQLClient) -> None:
    bulk_actions.make_people(1)
    bulk_actions.started(administrator, 1)
    lose_workers(OutboxMessage.objects.get())
    OutboxMessage.objects.failed().delete()
    bulk_actions.carried_out(administrator, 1)
    assert len(bulk_actions.suspended()) == 1


def test_message_of_a_finished_turn_changes_nothing(root: User) -> None:
    kind = job_kinds()["UserExport"]
    job = running(kind, root, turn=3)
    kind.model.objects.update(turn=4)
    lose_workers(OutboxMessage.objects.get())
    job.refresh_from_db()
    assert (job.state, job.failure) == (JobState.RUNNING, "")
    assert not Event.objects.filter(tag=kind.finished).exists()


def test_retried_message_of_a_failed_job_changes_nothing(administrator: GraphQLClient) -> None:
    job = user_exports.started(administrator)
    message = OutboxMessage.objects.get()
    lose_workers(message)
    OutboxMessage.objects.retry([message.pk])
    deliver(message.pk)
    job.refresh_from_db()
    assert (job.state, job.failure) == (JobState.FAILED, REASON)
    assert Event.objects.filter(tag=Tag.USER_EXPORT_FINISHED).count() == 1


class KilledError(BaseException):
    """Simulates a killed worker."""


def test_workers_lost_with_progress_between_do_not_end_a_job(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker is killed in its third step of a long turn."""
    people = 3 * (MAX_INTERRUPTIONS + 1)
    bulk_actions.make_people(people)
    job = bulk_actions.started(administrator, people)
    apply, steps, kills = Action.apply, 0, 0

    def apply_twice(self: Action, user_id: Any, **how: Any) -> None:
        nonlocal steps
        steps += 1
        if steps > 2:
            raise KilledError
        apply(self, user_id, **how)

    monkeypatch.setattr(Action, "apply", apply_twice)
    monkeypatch.setattr(turns, "TURN", dt.timedelta(hours=1))
    messages = OutboxMessage.objects.filter(subscriber__endswith="run_bulk_action", failed_at=None)
    while message := messages.first():
        steps = 0
        try:
            deliver(message.pk)
        except KilledError:
            kills += 1
            messages.update(claimed_until=timezone.now() - dt.timedelta(seconds=1))
    job.refresh_from_db()
    assert (job.state, job.failure, job.done) == (JobState.COMPLETED, "", people)
    assert kills > MAX_INTERRUPTIONS


def test_repeated_turn_ends_with_its_first_step(administrator: GraphQLClient) -> None:
    bulk_actions.make_people(3)
    job = bulk_actions.started(administrator, 3)
    OutboxMessage.objects.update(attempts=MAX_INTERRUPTIONS, interruptions=MAX_INTERRUPTIONS - 2)
    deliver(OutboxMessage.objects.get().pk)
    job.refresh_from_db()
    assert (job.done, job.state) == (1, JobState.RUNNING)
    message = OutboxMessage.objects.get(subscriber__endswith="run_bulk_action")
    assert (message.attempts, message.interruptions) == (0, 0)


def test_unusable_input_is_a_reason(administrator: GraphQLClient) -> None:
    job = user_exports.started(administrator)
    type(job).objects.update(selection={"filter": {}})
    user_exports.run_turns()
    shown = administrator(READ, id=node_id(job)).data["job"]
    assert (shown["state"], shown["failureReason"]) == ("FAILED", "KeyError")


@pytest.mark.django_db
def test_admin_shows_the_reason(client: Client) -> None:
    administrator = make_administrator()
    sign_in(client, administrator)
    for make in (make_bulk_action, make_user_export, make_user_import):
        job = make(administrator, state=JobState.FAILED, failure=REASON)
        assert REASON in client.get(change_url(job)).content.decode()
