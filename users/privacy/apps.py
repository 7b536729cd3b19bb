"""The privacy app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class PrivacyConfig(AppConfig):
    """Loads every `personal_data` module, so that the register is complete in any process."""

    name = "users.privacy"
    label = "privacy"
    verbose_name = _("Privacy")

    def ready(self) -> None:
        """Import what the apps declare."""
        autodiscover_modules("personal_data")
