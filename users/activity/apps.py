"""The activity app."""

from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class ActivityConfig(AppConfig):
    """Loads the `segments` modules of all apps, which know the dimensions of the analytics."""

    name = "users.activity"
    label = "activity"
    verbose_name = _("Activity")

    def ready(self) -> None:
        """Import the `segments` modules; have `migrate` store the retention."""
        autodiscover_modules("segments")
        # Models, which are loaded by now.
        services = import_module("users.activity.services.partitions")
        post_migrate.connect(services.set_retention, sender=self)
