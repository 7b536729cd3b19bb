"""The Django app of the admin: its pages, templates and static files."""

from django.apps import AppConfig


class AdminPagesConfig(AppConfig):
    """The app config; its label differs from that of `django.contrib.admin`."""

    name = "users.admin"
    label = "admin_pages"
