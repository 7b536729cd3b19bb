"""The activity app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ActivityConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.activity"
    label = "activity"
    verbose_name = _("Activity")
