"""The search's Django app, which is there for its migration."""

from django.apps import AppConfig


class SearchConfig(AppConfig):
    """Registers the app under its short label."""

    name = "core.database.search"
    label = "search"
