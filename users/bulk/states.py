"""How far bulk actions are."""

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class BulkActionState(TextChoices):
    """How far a bulk action is."""

    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    CANCELED = "canceled", _("canceled")
    STOPPED = "stopped", _("stopped")
    FAILED = "failed", _("failed")


LIVE: Final = (BulkActionState.PENDING, BulkActionState.RUNNING)
