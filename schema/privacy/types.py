"""Deletions in GraphQL."""

import datetime as dt

import strawberry_django
from strawberry import auto

from schema.context import Info
from users.privacy import models
from users.privacy.querysets import AccountDeletionQuerySet


@strawberry_django.type(
    models.AccountDeletion, description="That an account is to be erased, and when; for staff."
)
class AccountDeletion:
    """A deletion; the person, who cannot sign in, has the mail about it."""

    requested_at: auto = strawberry_django.field(description="When the account was shut.")
    due_at: dt.datetime = strawberry_django.field(
        field_name="expires_at", description="Until when it can be undone."
    )

    @classmethod
    def get_queryset(cls, queryset: AccountDeletionQuerySet, info: Info) -> AccountDeletionQuerySet:
        """Whatever leads to deletions leads to visible ones only."""
        return queryset.visible_to(info.context.actor)
