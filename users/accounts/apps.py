"""The accounts app."""

from django.apps import AppConfig
from django.core.checks import register

from users.accounts.checks import metadata_schemas_hold


class AccountsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Check the schemas of metadata with every command, `migrate` among them."""
        register(metadata_schemas_hold)
