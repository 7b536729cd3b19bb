"""The authentication app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuthenticationConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.authentication"
    label = "authentication"
    verbose_name = _("Authentication")
