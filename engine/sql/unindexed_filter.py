"""Filters that the index of the order does not serve."""

from django.db.models import BooleanField, ExpressionWrapper, Q


class UnindexedFilter(ExpressionWrapper):  # type: ignore[type-arg] # it takes none at run time
    """A condition to filter by that has no index in common with the order of the rows.

    It means what ``condition`` does, and tells whoever reads a page how to go about it.
    """

    def __init__(self, condition: Q) -> None:
        """Wrap a condition."""
        super().__init__(condition, output_field=BooleanField())
        self.condition = condition
