"""Payload fields that mutations share."""

from operator import attrgetter
from typing import Any

import strawberry
import strawberry_django
from django.db.models import Model

from schema.nodes import single_row


def deleted_id(noun: str) -> Any:
    """Return a payload field for the global id of the object that the mutation deleted."""
    return strawberry.field(
        default=None, description=f"`id` of the deleted {noun}; null if none was deleted."
    )


def changed_object(model: type[Model], key: str, noun: str = "") -> Any:
    """Return a payload field that re-reads the object of the mutation.

    ``key`` names the payload's attribute that holds the primary key; ``noun`` describes the object,
    by default as the model's verbose name. The type's `get_queryset` restricts visibility.
    """
    key_of = attrgetter(key)

    def resolve(root: Any) -> Any:
        return single_row(model._default_manager.all(), key_of(root))

    description = f"The {noun or model._meta.verbose_name_raw}; null if the input was rejected."
    return strawberry_django.field(resolver=resolve, description=description)
