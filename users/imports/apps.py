"""The imports app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImportsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.imports"
    label = "imports"
    verbose_name = _("Jobs")
