"""Filters that the ordering index does not serve."""

from django.db.models import BooleanField, ExpressionWrapper, Q


class UnindexedFilter(ExpressionWrapper):  # type: ignore[type-arg] # it takes none at run time
    """A condition whose index does not serve the order of the rows.

    It means the same as ``condition``; `engine.sql.filtered_page` reads pages by it.
    """

    def __init__(self, condition: Q) -> None:
        """Wrap a condition."""
        super().__init__(condition, output_field=BooleanField())
        self.condition = condition
