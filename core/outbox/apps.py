"""The outbox's Django app."""

from django.apps import AppConfig
from django.core.checks import register
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from core.celery import app as celery_app
from core.outbox.checks import check_outbox_lease


class OutboxConfig(AppConfig):
    """Loads every `tasks` module, so that all processes know all subscribers, and all metrics."""

    name = "core.outbox"
    label = "outbox"
    verbose_name = _("Operation")

    def ready(self) -> None:
        """Set the current Celery app, import subscribers and metrics, and register a check."""
        celery_app.set_default()
        autodiscover_modules("tasks", "metrics")
        register(check_outbox_lease)
