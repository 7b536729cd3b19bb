"""The Django app of the versions."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class VersionsConfig(AppConfig):
    """Loads the `versions` modules of all apps, to complete the declarations."""

    name = "core.versions"
    label = "versions"

    def ready(self) -> None:
        """Import the `versions` modules."""
        autodiscover_modules("versions")
