"""The privacy app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class PrivacyConfig(AppConfig):
    """Loads the `personal_data` modules of all apps, to complete the register."""

    name = "users.privacy"
    label = "privacy"
    verbose_name = _("Privacy")

    def ready(self) -> None:
        """Import the `personal_data` modules."""
        autodiscover_modules("personal_data")
