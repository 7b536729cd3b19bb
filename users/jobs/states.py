"""The states of jobs."""

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class JobState(TextChoices):
    """The state of a job."""

    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    CANCELED = "canceled", _("canceled")
    STOPPED = "stopped", _("stopped")
    FAILED = "failed", _("failed")


LIVE: Final = (JobState.PENDING, JobState.RUNNING)
