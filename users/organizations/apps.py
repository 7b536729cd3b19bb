"""The organizations app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganizationsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.organizations"
    label = "organizations"
    verbose_name = _("Organisations")
