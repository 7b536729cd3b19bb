"""The exports app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.exports"
    label = "exports"
    verbose_name = _("Jobs")
