"""The admin's pages, which are an app of their own because of their templates."""

from django.apps import AppConfig


class AdminPagesConfig(AppConfig):
    """Labelled differently from Django's app `admin`, whose site the pages are on."""

    name = "users.admin"
    label = "admin_pages"
