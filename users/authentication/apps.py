"""The authentication app."""

from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from users.authentication.checks import check_origins


class AuthenticationConfig(AppConfig):
    """Registers the app under its short label, and its check."""

    name = "users.authentication"
    label = "authentication"
    verbose_name = _("Authentication")

    def ready(self) -> None:
        """Register the check of the settings that name origins."""
        register(check_origins)
