"""Canceling jobs."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.activity.services.record import record
from users.jobs.kinds import JobKind, JobT, job_kinds
from users.jobs.policy import may_run_jobs
from users.jobs.states import JobState


@transaction.atomic(durable=True)
def cancel_job_of_kind(
    kind: JobKind[JobT], job_id: UUID | None, *, actor: Actor, if_missing: Problem
) -> JobT:
    """Cancel a job; the worker stops after the current step.

    What is done already is kept, except the file of an export. Administrators may cancel each
    other's jobs. A no-op for an ended job. Raises `InputRejectedError` with ``if_missing`` if there
    is no such visible job, and the policy's errors.
    """
    require(actor, may_run_jobs)
    visible = kind.model.objects.visible_to(actor).select_for_update()
    job: JobT | None = visible.filter(pk=job_id).first() if job_id else None
    if job is None:
        raise InputRejectedError(if_missing)
    if job.is_live:
        job.state = JobState.CANCELED
        job.finished_at = timezone.now()
        job.save(update_fields=["state", "finished_at"])
        record(kind.canceled, actor=actor, subject_id=None, **kind.reference(job))
    return job


def cancel_job(kind_name: str, job_id: UUID | None, *, actor: Actor) -> Any:
    """Cancel a job of the kind with this name; see `cancel_job_of_kind`."""
    missing = Problem(GenericErrorCode.NOT_FOUND, _("There is no such job."), ("job_id",))
    require(actor, may_run_jobs)
    kind = job_kinds().get(kind_name)
    if kind is None:
        raise InputRejectedError(missing)
    return cancel_job_of_kind(kind, job_id, actor=actor, if_missing=missing)
