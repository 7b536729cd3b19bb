"""The Django app of the search, which holds its migration."""

from django.apps import AppConfig


class SearchConfig(AppConfig):
    """Registers the app under a short label."""

    name = "core.database.search"
    label = "search"
