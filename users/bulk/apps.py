"""The bulk app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BulkConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.bulk"
    label = "bulk"
    verbose_name = _("Jobs")
