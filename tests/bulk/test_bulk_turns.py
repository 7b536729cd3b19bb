"""Turns of bulk actions: each user is processed once, even if workers are killed."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.outbox.tasks import relay
from tests.core.test_outbox import overdue
from tests.support.bulk_actions import (
    carried_out,
    counts,
    make_people,
    run_turn,
    run_turns,
    started,
    suspended,
)
from tests.support.captured import Statements
from tests.support.celery_workers import Workers
from tests.support.client import GraphQLClient
from tests.support.factories import make_session, make_token, make_user
from tests.support.waiting import wait_until
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session
from users.bulk.actions import Action
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.tasks import prune, run_bulk_action
from users.jobs.services import run as jobs

Capture = Callable[[], AbstractContextManager[Statements]]


class KilledError(BaseException):
    """Simulates a killed worker."""


def is_far(number: int) -> bool:
    """Return whether ``number`` users were suspended."""
    return len(suspended()) >= number


# Each user once --------------------------------------------------------------------------


@pytest.mark.usefixtures("short_turns")
def test_changed_selection_skips_no_user(administrator: GraphQLClient) -> None:
    users = make_people(7)
    bulk_action = started(administrator, 7)
    # One per user, and one whose page is empty.
    assert run_turns() == 8
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("completed", (7, 0, 0))
    assert suspended() == [user.pk for user in users]


@pytest.mark.usefixtures("short_turns")
def test_growing_selection_terminates(
    administrator: GraphQLClient,
) -> None:
    make_people(3)
    bulk_action = started(administrator, 3)
    run_turn()
    late = make_user("late")
    run_turns()
    bulk_action.refresh_from_db()
    assert counts(bulk_action) == (3, 0, 0)
    assert late.pk not in suspended()


@pytest.mark.usefixtures("short_turns")
def test_users_who_left_the_selection_are_skipped(administrator: GraphQLClient) -> None:
    first, second, third = make_people(3)
    bulk_action = started(administrator, 3, filter={"isStaff": False, "isActive": True})
    run_turn()
    User.objects.filter(pk=second.pk).update(is_staff=True)
    run_turns()
    bulk_action.refresh_from_db()
    assert (bulk_action.total, counts(bulk_action)) == (3, (2, 0, 0))
    assert suspended() == [first.pk, third.pk]


def test_users_already_in_the_target_state_are_unchanged(administrator: GraphQLClient) -> None:
    make_people(2)
    assert counts(carried_out(administrator, 2)) == (2, 0, 0)
    seen = suspended()
    assert counts(carried_out(administrator, 2, filter={"isActive": False})) == (0, 2, 0)
    assert suspended() == seen


# Killed workers --------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(3))
def test_killed_worker_is_replaced(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch, when: str, number: int
) -> None:
    """Kill the worker before the service's transaction, or between it and the cursor's."""
    users = make_people(3)
    bulk_action = started(administrator, 3)
    apply, victim = Action.apply, users[number].pk

    def interrupted(self: Action, user_id: Any, **how: Any) -> None:
        if user_id != victim or when == "after":
            apply(self, user_id, **how)
        if user_id == victim:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Action, "apply", interrupted)
        with pytest.raises(KilledError):
            run_turn()
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("running", (number, 0, 0))
    assert suspended() == [user.pk for user in users[: number + (when == "after")]]

    overdue()
    run_turns()

    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("completed", (3, 0, 0))
    assert suspended() == [user.pk for user in users]
    assert not OutboxMessage.objects.exists()


@pytest.mark.usefixtures("short_turns")
def test_redelivered_message_does_nothing(
    administrator: GraphQLClient,
) -> None:
    users = make_people(3)
    bulk_action = started(administrator, 3)
    run_turn()
    run_bulk_action(str(bulk_action.pk), turn=0)
    assert suspended() == [users[0].pk]
    assert OutboxMessage.objects.count() == 1
    run_turns()
    run_bulk_action(str(bulk_action.pk), turn=3)
    assert suspended() == [user.pk for user in users]


def test_failed_user_is_recorded_once(
    administrator: GraphQLClient, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill the worker after the failure was written and before the count is."""
    make_people(1)
    started(administrator, 2, filter={"isActive": True})
    rows = type(BulkAction.objects.all())
    update = rows.update

    def interrupted(self: Any, **values: Any) -> int:
        if "failed" in values:
            raise KilledError
        return update(self, **values)

    with monkeypatch.context() as patched:
        patched.setattr(rows, "update", interrupted)
        with pytest.raises(KilledError):
            run_turn()
    assert not BulkFailure.objects.exists()
    overdue()
    run_turns()
    assert counts(BulkAction.objects.get()) == (1, 0, 1)
    assert BulkFailure.objects.get().user == root


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("mails")
def test_killed_worker_processes_each_user_once(workers: Workers) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    users = make_people(400)
    bulk_action = started(GraphQLClient(make_token(root)), 400)
    for enough in (20, 120):
        # Killed at the end of the block.
        with workers.running():
            relay()
            wait_until(partial(is_far, enough), seconds=120)
        overdue()
    assert len(suspended()) < 400
    with workers.running():
        relay()
        wait_until(lambda: not BulkAction.objects.live().exists(), seconds=120)
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("completed", (400, 0, 0))
    assert suspended() == [user.pk for user in users]


@pytest.mark.usefixtures("short_turns")
def test_impersonation_events_do_not_count_as_changes(
    administrator: GraphQLClient,
) -> None:
    """Ending an impersonator's sessions records an event about the impersonated user."""
    helper, other, last = make_people(3)
    session = make_session(last, days=-1)
    Session.objects.filter(pk=session.pk).update(
        impersonator=helper, impersonation_reason="Ticket 7", expires_at=session.created_at
    )
    make_session(other)
    bulk_action = started(administrator, 3, action="END_SESSIONS", reason=None)
    run_turns()
    bulk_action.refresh_from_db()
    assert Event.objects.filter(tag=Tag.IMPERSONATION_ENDED, subject_id=last.pk).exists()
    assert counts(bulk_action) == (1, 2, 0)
    assert not Session.objects.filter(user=other).exists()


# Queries ---------------------------------------------------------------------------------

PER_USER = 15
# For the first page, and the last one, which is empty.
PER_TURN = 14


def test_statements_depend_on_the_number_of_users_only(
    administrator: GraphQLClient, statements: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One turn, however slow the machine.
    monkeypatch.setattr(jobs, "TURN", dt.timedelta(hours=1))
    taken = []
    for count in (10, 30):
        User.objects.filter(is_superuser=False).delete()
        make_people(count)
        started(administrator, count)
        with statements() as captured:
            run_turns()
        taken.append(len([sql for sql in captured if "SAVEPOINT" not in sql]))
        BulkAction.objects.all().delete()
    small, large = taken
    # Thirteen for the suspension, one to find its event, and one to record the outcome.
    assert (large - small) / 20 == PER_USER
    assert small - 10 * PER_USER == PER_TURN


# Pruning ---------------------------------------------------------------------------------


def test_old_bulk_actions_are_pruned(
    administrator: GraphQLClient, root: User, settings: Any
) -> None:
    make_people(2)
    done = carried_out(administrator, 3, filter={"isActive": True})
    assert BulkFailure.objects.exists()
    carried_out(administrator, 0, search="unknown")
    live = started(administrator, 2, filter={"isActive": False})
    prune()
    assert BulkAction.objects.count() == 3
    past = timezone.now() - settings.BULK_ACTION_RETENTION - dt.timedelta(seconds=1)
    BulkAction.objects.filter(pk=done.pk).update(finished_at=past)
    BulkAction.objects.filter(pk=live.pk).update(created_at=past, started_at=past)
    events = Event.objects.count()

    prune()

    assert BulkAction.objects.count() == 2
    assert not BulkAction.objects.filter(pk=done.pk).exists()
    assert not BulkFailure.objects.exists()
    assert Event.objects.count() == events
