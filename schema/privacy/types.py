"""The types of account deletions and data exports."""

import datetime as dt
from uuid import UUID

import strawberry_django
from strawberry import auto, relay

from schema.context import Info
from users.accounts.models import User
from users.privacy import models
from users.privacy.models import AccountDeletionQuerySet, DataExportQuerySet


@strawberry_django.type(models.AccountDeletion)
class AccountDeletion:
    """A pending deletion of an account. Visible to staff."""

    requested_at: auto = strawberry_django.field(
        description="When the deletion was requested and the account deactivated."
    )
    due_at: dt.datetime = strawberry_django.field(
        field_name="expires_at",
        description="When the account is erased. Until then the deletion can be cancelled.",
    )

    @classmethod
    def get_queryset(cls, queryset: AccountDeletionQuerySet, info: Info) -> AccountDeletionQuerySet:
        """Restrict every access path to visible deletions."""
        return queryset.visible_to(info.context.actor)


@strawberry_django.type(models.DataExport)
class DataExport(relay.Node):
    """An export of your personal data."""

    id: relay.NodeID[UUID]
    requested_at: auto = strawberry_django.field(description="When the export was requested.")
    ready_at: auto = strawberry_django.field(description="When the archive was ready; null before.")
    expires_at: auto = strawberry_django.field(description="When the archive expires.")

    @classmethod
    def get_queryset(cls, queryset: DataExportQuerySet, info: Info) -> DataExportQuerySet:
        """Restrict every access path to the actor's own current exports, newest first."""
        return queryset.visible_to(info.context.actor).open().order_by("-id")


@strawberry_django.type(User)
class PrivacyFields:
    """The fields of `User` about deletion and exports."""

    deletion: AccountDeletion | None = strawberry_django.field(
        description="Pending deletion; null without one. Visible to staff."
    )
    data_exports: list[DataExport] = strawberry_django.field(
        description="Your requested exports of personal data; empty for other users."
    )
