"""Running jobs in turns.

A turn is one outbox message, which one worker holds at a time, and takes seconds, so that other
tasks are not starved. The job's kind processes it page by page and stores a cursor with each step,
so that a killed worker's turn is resumed where it ended.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError, transaction
from django.utils import timezone

from core.errors import (
    DomainError,
    ForbiddenError,
    InputRejectedError,
    InsufficientScopeError,
)
from core.outbox.current import current_delivery
from core.outbox.errors import TemporaryFailureError
from core.outbox.failures import reason_of
from core.outbox.registry import FailureHandler, publish
from core.security.actor import SYSTEM, Actor, JobReference
from users.activity.services.record import record
from users.authentication.sessions.credentials import background_actor
from users.jobs.kinds import JobKind, JobT
from users.jobs.policy import may_run_jobs
from users.jobs.states import JobState

logger = logging.getLogger(__name__)

# Duration of a turn: far below the task time limit.
TURN: Final = timedelta(seconds=5)
# Permanent errors of a stored input: an earlier version accepted it, or PostgreSQL rejects it.
# Transient database errors are not among them.
UNUSABLE: Final = (
    *(DomainError, InputRejectedError, ValidationError, DataError),
    *(ArithmeticError, LookupError, TypeError, ValueError),
)


def run_turn(kind: JobKind[JobT], job_id: UUID, *, turn: int) -> None:
    """Run one turn and schedule the next one, unless the job ends.

    A job with a permanent error fails. Idempotent: a redelivered message resumes an unfinished turn
    and ignores a finished one.
    """
    jobs = kind.model.objects.filter(pk=job_id)
    job = jobs.live().filter(turn=turn).first()
    if job is None:
        return
    pending = jobs.filter(state=JobState.PENDING)
    is_new = pending.update(state=JobState.RUNNING, started_at=timezone.now())
    if not is_new and kind.catch_up is not None:
        kind.catch_up(job)
    failure = ""
    try:
        end = _process_pages(kind, job)
    except (ForbiddenError, InsufficientScopeError):
        end = JobState.STOPPED
    except UNUSABLE as error:
        # Retrying cannot succeed.
        logger.exception("job failed", extra={kind.name: str(job.pk)})
        end, failure = JobState.FAILED, reason_of(error)
    if end is not None:
        _finish(kind, job, end, failure=failure)


def failed_turn_handler(kind: JobKind[JobT]) -> FailureHandler:
    """Return what the subscriber of a kind's turns does once a turn's message has failed.

    Nothing would continue the job, so it fails for the reason of the message. That is final: its
    files are deleted, and its requester may have started another. A retried message changes
    nothing.
    """

    def fail(reason: str, *, turn: int, **payload: str) -> None:
        live = kind.model.objects.live()
        job = live.filter(pk=payload[f"{kind.name}_id"], turn=turn).first()
        if job is not None:
            _finish(kind, job, JobState.FAILED, failure=reason)

    return fail


def _process_pages(kind: JobKind[JobT], job: JobT) -> JobState | None:
    """Process pages for one turn; return the final state if the job ends, else None.

    A repeated turn ends with its first step. The next one has a message of its own, so failures and
    interruptions are counted only while no step is committed.
    """
    delivery = current_delivery()
    is_repeated = delivery is not None and delivery.is_repeated
    ends_at = time.monotonic() + (0 if is_repeated else TURN.total_seconds())
    while True:
        actor = _actor(kind, job)
        if actor is None:
            return JobState.STOPPED
        is_empty = True
        for is_running in kind.process_page(job, actor):
            is_empty = False
            if not is_running:
                return None
            if time.monotonic() >= ends_at:
                _schedule_next_turn(kind, job)
                return None
        if is_empty:
            return JobState.COMPLETED


def _actor(kind: JobKind[JobT], job: JobT) -> Actor | None:
    """Return the requester's current actor; None if they lost the permission."""
    actor = background_actor(job.requester_id, token_id=job.token_id)
    if actor is None or not all(rule(actor) for rule in (may_run_jobs, *kind.rules(job))):
        return None
    return replace(actor, job=JobReference(kind.name, job.pk))


class OvertakenError(TemporaryFailureError):
    """Another worker has continued the job since this one read it.

    This one was stopped for longer than its lease. A failure, because a subscriber that returns
    would delete the message that the other one has claimed.
    """

    def __init__(self) -> None:
        """Give the reason, for the log."""
        super().__init__("overtaken by another worker")


def advance(job: JobT, *, after: Mapping[str, Any], **changes: Any) -> bool:
    """Write the cursor and the counts of a step; return whether the job still runs.

    They are written even if the job was canceled meanwhile. Raises `OvertakenError` unless the
    columns ``after`` are still those at which the step began.
    """
    rows = type(job).objects.filter(pk=job.pk, **after)
    is_running = rows.filter(state=JobState.RUNNING).update(**changes)
    if not (is_running or rows.update(**changes)):
        raise OvertakenError
    return bool(is_running)


def _finish(kind: JobKind[JobT], job: JobT, state: JobState, *, failure: str) -> None:
    """Set the final state, unless the job was ended meanwhile, and record an event."""
    with transaction.atomic():
        rows = kind.model.objects.live().filter(pk=job.pk)
        if not rows.update(state=state, failure=failure, finished_at=timezone.now()):
            return
        job.refresh_from_db()
        record(
            kind.finished,
            actor=SYSTEM,
            subject_id=None,
            **kind.reference(job),
            state=state,
            done=job.done,
            unchanged=job.unchanged,
            failed=job.failed,
        )


def _schedule_next_turn(kind: JobKind[JobT], job: JobT) -> None:
    """End this turn and publish the next one, in one transaction."""
    with transaction.atomic():
        rows = kind.model.objects.live().filter(pk=job.pk, turn=job.turn)
        if rows.update(turn=job.turn + 1):
            publish_turn(kind, job, job.turn + 1)


def publish_turn(kind: JobKind[JobT], job: JobT, turn: int) -> None:
    """Publish the message of a turn."""
    publish(kind.topic, **{f"{kind.name}_id": str(job.pk)}, turn=turn)
