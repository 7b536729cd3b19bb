"""The privacy app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PrivacyConfig(AppConfig):
    """Loads every `personal_data` module, so that the register is complete in any process."""

    name = "users.privacy"
    label = "privacy"

    def ready(self) -> None:
        """Import what the apps declare."""
        autodiscover_modules("personal_data")
