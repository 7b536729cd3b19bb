"""Fields of jobs about the selection of users."""

from typing import Any

import strawberry_django
from strawberry.scalars import JSON

from schema.directory.filters import filter_to_json
from users.jobs.selection import Selection


def _search(root: Any) -> str | None:
    """Search words of the selection; null without any, or if `filter` is null."""
    return Selection.from_json(root.selection).search if root.selection else None


def _filter(root: Any) -> JSON | None:
    """Filter of the selection, as a `UserFilter`; an empty object without conditions.

    Null if the selection named a user who has been erased since.
    """
    return filter_to_json(Selection.from_json(root.selection).filter) if root.selection else None


def search_field() -> Any:
    """Return a field for the search words of a job's selection."""
    return strawberry_django.field(resolver=_search, only=["selection"])


def filter_field() -> Any:
    """Return a field for the filter of a job's selection."""
    return strawberry_django.field(resolver=_filter, only=["selection"])
