"""The base of jobs, and of their errors."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.outbox.errors import REASON_MAX_LENGTH
from core.security.actor import Actor
from users.accounts.models import user_key
from users.jobs.policy import may_list_jobs
from users.jobs.states import LIVE, JobState


def state_choices() -> list[tuple[str, Any]]:
    """Return all states. A callable, so that a new state needs no migration."""
    return JobState.choices


class JobQuerySet(models.QuerySet[Any]):
    """Jobs of one kind."""

    def visible_to(self, actor: Actor) -> Self:
        """Administrators see all jobs; other users see those that they started.

        Requires the scope to start one: read-only tokens and impersonations see none.
        """
        if not may_list_jobs(actor):
            return self.none()
        return self if actor.is_superuser else self.filter(requester_id=actor.user_id)

    def live(self) -> Self:
        """Return pending and running jobs."""
        return self.filter(state__in=LIVE)

    def ended(self) -> Self:
        """Return ended jobs."""
        return self.exclude(state__in=LIVE)

    def finished_before(self, age: timedelta) -> Self:
        """Return jobs that ended at least ``age`` ago."""
        return self.filter(finished_at__lte=timezone.now() - age)


class Job(models.Model):
    """Background work in turns for the user who requested it, and its progress.

    A turn is one outbox message: see `users.jobs.services.run`. Each kind adds its input, and the
    cursor up to which it is processed. Ids are UUIDv7, so their order is that of the requests.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    requester = user_key(verbose_name=_("asked for by"))
    # The API token of the request, if any. The token may have been deleted since.
    token_id = models.UUIDField(null=True)
    state = models.CharField(
        _("state"), max_length=10, choices=state_choices, default=JobState.PENDING
    )
    # The number of items to process, None until it is known, and the numbers by outcome.
    total = models.PositiveIntegerField(_("total"), null=True)
    done = models.PositiveIntegerField(_("done"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    failed = models.PositiveIntegerField(_("refused"), default=0)
    # Of a failed job, for operators; no personal data.
    failure = models.CharField(
        _("reason of the failure"),
        max_length=REASON_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
    )
    # The number of finished turns.
    turn = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("begun"), null=True)
    finished_at = models.DateTimeField(_("ended"), null=True)

    objects: ClassVar = JobQuerySet.as_manager()

    class Meta:
        """Each kind declares `one_live_per_requester`, `ends_once` and `job_indexes`."""

        abstract = True

    def __str__(self) -> str:
        """Return the time of the request, in UTC."""
        return f"{self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_live(self) -> bool:
        """Whether the job is pending or running."""
        return self.state in LIVE

    @property
    def processed(self) -> int:
        """The number of processed items, whatever their outcome."""
        return self.done + self.unchanged + self.failed

    @property
    def progress(self) -> float | None:
        """The processed part of the total, from 0 to 1; None if that is unknown."""
        if self.total is None:
            return None
        return min(1.0, self.processed / self.total) if self.total else 1.0

    @property
    def rate(self) -> float | None:
        """Items per second since the start; None before."""
        if self.started_at is None:
            return None
        took = ((self.finished_at or timezone.now()) - self.started_at).total_seconds()
        return self.processed / took if took > 0 else None

    @property
    def estimated_end(self) -> datetime | None:
        """When a running job ends at this rate; None if that is not known."""
        if self.state != JobState.RUNNING or self.total is None or not self.rate:
            return None
        return timezone.now() + timedelta(seconds=(self.total - self.processed) / self.rate)


def one_live_per_requester(name: str) -> models.UniqueConstraint:
    """Allow at most one live job of the kind per requester."""
    return models.UniqueConstraint(fields=["requester"], condition=Q(state__in=LIVE), name=name)


def ends_once(name: str) -> models.CheckConstraint:
    """Require the time of the end of ended jobs, and of no others."""
    return models.CheckConstraint(
        condition=Q(state__in=LIVE, finished_at=None)
        | (~Q(state__in=LIVE) & Q(finished_at__isnull=False)),
        name=name,
    )


def job_indexes(prefix: str) -> list[models.Index]:
    """Return the indexes for a requester's jobs, and for pruning."""
    return [
        models.Index(fields=["requester", "id"], name=f"{prefix}_requester"),
        models.Index(fields=["finished_at"], name=f"{prefix}_finished"),
    ]


class JobErrorQuerySet(models.QuerySet[Any]):
    """Errors of jobs of one kind; ``job`` names their foreign key to the job."""

    job: ClassVar[str]

    def visible_to(self, actor: Actor) -> Self:
        """Errors are visible with their job."""
        if not may_list_jobs(actor):
            return self.none()
        if actor.is_superuser:
            return self
        return self.filter(**{f"{self.job}__requester_id": actor.user_id})

    def in_order(self) -> Self:
        """Return errors oldest first."""
        return self.order_by("id")
