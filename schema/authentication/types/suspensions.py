"""The suspension type."""

import strawberry_django
from strawberry import auto

from schema.context import Info
from users.authentication import models
from users.authentication.models import SuspensionQuerySet


@strawberry_django.type(models.Suspension)
class Suspension:
    """A suspension of a user. Visible to staff."""

    reason: auto = strawberry_django.field(description="Reason that the administrator gave.")
    until: auto = strawberry_django.field(
        description="When the suspension expires; null if it lasts until `reactivateUser`."
    )
    created_at: auto = strawberry_django.field(description="When the suspension started.")

    @classmethod
    def get_queryset(cls, queryset: SuspensionQuerySet, info: Info) -> SuspensionQuerySet:
        """Restrict every access path to visible suspensions."""
        return queryset.visible_to(info.context.actor)
