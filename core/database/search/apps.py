"""The Django app of the search, which holds its migration."""

from django.apps import AppConfig
from django.contrib.postgres.indexes import OpClass
from django.core.checks import Tags, register
from django.db.models.indexes import IndexExpression

from core.database.search.checks import search_has_letters


class SearchConfig(AppConfig):
    """Registers the app under a short label."""

    name = "core.database.search"
    label = "search"

    def ready(self) -> None:
        """Register the check, and let indexes have operator classes of expressions.

        `django.contrib.postgres` does so too, but reads types from each new connection.
        """
        register(search_has_letters, Tags.database)
        IndexExpression.register_wrappers(*IndexExpression.wrapper_classes, OpClass)
