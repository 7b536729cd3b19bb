"""The organizations app."""

from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.organizations"
    label = "organizations"
