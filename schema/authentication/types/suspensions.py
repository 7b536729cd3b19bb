"""Suspensions in GraphQL."""

import strawberry_django
from strawberry import auto

from schema.context import Info
from users.authentication import models
from users.authentication.querysets import SuspensionQuerySet


@strawberry_django.type(models.Suspension)
class Suspension:
    """Why somebody may not sign in, and until when; for staff."""

    reason: auto = strawberry_django.field(description="Why, as an administrator put it.")
    until: auto = strawberry_django.field(
        description="When it ends by itself; null if an administrator is to end it."
    )
    created_at: auto = strawberry_django.field(description="When it began.")

    @classmethod
    def get_queryset(cls, queryset: SuspensionQuerySet, info: Info) -> SuspensionQuerySet:
        """Whatever leads to suspensions leads to visible ones only."""
        return queryset.visible_to(info.context.actor)
