"""Deletions and exports in GraphQL."""

import datetime as dt

import strawberry_django
from strawberry import auto

from schema.context import Info
from users.privacy import models
from users.privacy.querysets import AccountDeletionQuerySet, DataExportQuerySet


@strawberry_django.type(models.AccountDeletion)
class AccountDeletion:
    """That an account is to be erased, and when; for staff."""

    requested_at: auto = strawberry_django.field(description="When the account was shut.")
    due_at: dt.datetime = strawberry_django.field(
        field_name="expires_at", description="Until when it can be undone."
    )

    @classmethod
    def get_queryset(cls, queryset: AccountDeletionQuerySet, info: Info) -> AccountDeletionQuerySet:
        """Whatever leads to deletions leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry_django.type(models.DataExport)
class DataExport:
    """What is kept about a person, put together for them."""

    requested_at: auto = strawberry_django.field(description="When it was asked for.")
    ready_at: auto = strawberry_django.field(
        description="When it was put together; null until then."
    )
    expires_at: auto = strawberry_django.field(description="Until when it can be fetched.")

    @classmethod
    def get_queryset(cls, queryset: DataExportQuerySet, info: Info) -> DataExportQuerySet:
        """Whatever leads to exports leads to one's own only, the newest first."""
        return queryset.visible_to(info.context.actor).current().order_by("-id")
