"""The outbox's Django app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OutboxConfig(AppConfig):
    """Loads every `tasks` module, so that `publish` knows all subscribers in any process."""

    name = "core.outbox"
    label = "outbox"

    def ready(self) -> None:
        """Import the subscribers."""
        autodiscover_modules("tasks")
