"""Starting jobs."""

from typing import Any

from django.db import IntegrityError, transaction

from core.errors import InputRejectedError, Problem
from core.security.actor import Actor
from users.activity.services.record import record
from users.jobs.kinds import JobKind, JobT
from users.jobs.services.run import publish_turn


def start_job(
    kind: JobKind[JobT], job: JobT, /, *, actor: Actor, if_running: Problem, **data: Any
) -> None:
    """Insert a checked job, record the event with ``data``, and publish the first turn.

    Raises `InputRejectedError` with ``if_running`` if another job of the kind and the requester is
    live.
    """
    try:
        with transaction.atomic(durable=True):
            job.save(force_insert=True)
            record(kind.started, actor=actor, subject_id=None, **kind.reference(job), **data)
            publish_turn(kind, job, 0)
    except IntegrityError:
        if not kind.model.objects.live().filter(requester_id=job.requester_id).exists():
            raise
        raise InputRejectedError(if_running) from None
