"""The admin's Django app: its templates, and the pages that it registers."""

from django.apps import AppConfig


class AdminPagesConfig(AppConfig):
    """Has a label of its own, beside Django's `admin`; Django imports its module `admin`."""

    name = "users.admin"
    label = "admin_pages"
