"""The Django app of the search, which holds its migration."""

from django.apps import AppConfig
from django.contrib.postgres.indexes import OpClass
from django.db.models.indexes import IndexExpression


class SearchConfig(AppConfig):
    """Registers the app under a short label."""

    name = "core.database.search"
    label = "search"

    def ready(self) -> None:
        """Let indexes have operator classes of expressions.

        `django.contrib.postgres` does so too, but reads types from each new connection.
        """
        IndexExpression.register_wrappers(*IndexExpression.wrapper_classes, OpClass)
