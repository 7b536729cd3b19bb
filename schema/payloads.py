"""Fields of mutations' payloads."""

from operator import attrgetter
from typing import Any

import strawberry_django
from django.db.models import Model

from schema.nodes import single_row


def changed_object(model: type[Model], key: str) -> Any:
    """Return the field of the object that a mutation was about, as it is afterwards.

    ``key`` names the payload's attribute with its primary key. The type's `get_queryset` decides
    whether the actor sees the object.
    """
    key_of = attrgetter(key)

    def resolve(root: Any) -> Any:
        return single_row(model._default_manager.all(), key_of(root))

    name = model._meta.verbose_name_raw
    return strawberry_django.field(
        resolver=resolve, description=f"The {name}; null if the input was refused."
    )
