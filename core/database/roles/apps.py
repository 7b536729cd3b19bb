"""The app that runs `manage.py migrate` and `flush` as the owner of the tables."""

from django.apps import AppConfig
from django.core.checks import register

from core.database.roles.checks import owner_is_separate


class RolesConfig(AppConfig):
    """Overrides Django's commands; it precedes the apps that define them."""

    name = "core.database.roles"
    label = "roles"

    def ready(self) -> None:
        """Register the deployment check for separate roles."""
        register(owner_is_separate, deploy=True)
