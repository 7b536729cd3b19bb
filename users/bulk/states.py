"""The states of bulk actions."""

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class BulkActionState(TextChoices):
    """The state of a bulk action."""

    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    CANCELED = "canceled", _("canceled")
    STOPPED = "stopped", _("stopped")
    FAILED = "failed", _("failed")


LIVE: Final = (BulkActionState.PENDING, BulkActionState.RUNNING)
