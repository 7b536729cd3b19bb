"""The accounts app."""

from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from users.accounts.avatars.checks import check_avatar_urls
from users.accounts.checks import check_metadata_schemas


class AccountsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """Register the system checks."""
        register(check_metadata_schemas)
        register(check_avatar_urls)
