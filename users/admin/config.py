"""Puts our admin site in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class RosterAdminConfig(AdminConfig):
    """Named in `INSTALLED_APPS` instead of `django.contrib.admin`.

    It has a module of its own because settings load it before any model can be imported.
    """

    default_site = "users.admin.site.RosterAdminSite"
