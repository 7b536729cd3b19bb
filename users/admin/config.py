"""The app config that replaces Django's default admin site."""

from django.contrib.admin.apps import AdminConfig


class RosterAdminConfig(AdminConfig):
    """Replaces `django.contrib.admin` in `INSTALLED_APPS`.

    It has its own module because Django loads it before models can be imported.
    """

    default_site = "users.admin.site.RosterAdminSite"
