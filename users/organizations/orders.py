"""Orderings of organisations; an index serves each."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from django.db.models import F

from core.database.search.texts import in_name_order


class OrganizationOrderField(Enum):
    """A field by which organisations can be ordered."""

    NAME = "name"
    CREATED = "created"


# Keyset pagination requires terms that are unique together and never NULL: the id breaks ties.
ORGANIZATION_ORDERS: Final[Mapping[OrganizationOrderField, tuple[Any, ...]]] = {
    OrganizationOrderField.NAME: (in_name_order("name"), F("id")),
    OrganizationOrderField.CREATED: (F("created_at"), F("id")),
}
