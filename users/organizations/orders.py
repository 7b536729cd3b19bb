"""The orders in which organisations are listed; each has an index."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from django.db.models import F
from django.db.models.functions import Lower


class OrganizationOrderField(Enum):
    """What organisations can be ordered by."""

    NAME = "name"
    CREATED = "created"


# Together unique, and never NULL: the id tells apart who is equal otherwise.
ORGANIZATION_ORDERS: Final[Mapping[OrganizationOrderField, tuple[Any, ...]]] = {
    OrganizationOrderField.NAME: (Lower("name"), F("id")),
    OrganizationOrderField.CREATED: (F("created_at"), F("id")),
}
