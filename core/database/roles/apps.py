"""The roles' Django app: `manage.py migrate` and `flush` as the owner."""

from django.apps import AppConfig
from django.core.checks import register

from core.configuration.checks import owner_is_separate


class RolesConfig(AppConfig):
    """Registers the commands, which take precedence over Django's."""

    name = "core.database.roles"
    label = "roles"

    def ready(self) -> None:
        """Check that a deployment has two roles."""
        register(owner_is_separate, deploy=True)
