"""The outbox's Django app."""

from django.apps import AppConfig
from django.core.checks import register
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from core.outbox.checks import check_outbox_lease


class OutboxConfig(AppConfig):
    """Loads every `tasks` module, so that all processes know all subscribers."""

    name = "core.outbox"
    label = "outbox"
    verbose_name = _("Operation")

    def ready(self) -> None:
        """Import the subscribers, and register the check of the outbox's settings."""
        autodiscover_modules("tasks")
        register(check_outbox_lease)
