"""Data exports: requested, written by a task, downloaded by a mailed link."""

from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.security.actor import SYSTEM, Actor
from users.accounts.models import User
from users.accounts.policy import may_change_credentials, require
from users.accounts.services.mailed_links import require_link
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.throttling import count_token
from users.activity.personal_data_registry import export_subject
from users.activity.services.record import record
from users.activity.tags import Tag
from users.privacy.archive import write_archive
from users.privacy.models import DataExport
from users.privacy.throttling import count_export

PRUNE_BATCH: Final = 1_000


def request_data_export(user_id: UUID, *, actor: Actor) -> None:
    """Request an export of the actor's data; a link to the archive is mailed.

    No-op while another export is pending. Raises `TooManyAttemptsError`,
    `ReauthenticationRequiredError` and the policy's errors.
    """
    require(actor, may_change_credentials, user_id)
    require_recent_authentication(actor)
    if DataExport.objects.pending().filter(user_id=user_id).exists():
        return
    count_export(user_id)
    try:
        with transaction.atomic(durable=True):
            # An expired export that no worker completed would violate the unique constraint.
            _discard(DataExport.objects.expired().filter(user_id=user_id, ready_at=None))
            export = DataExport.objects.create(
                user_id=user_id, expires_at=timezone.now() + settings.DATA_EXPORT_TTL
            )
            record(
                Tag.DATA_EXPORT_REQUESTED, actor=actor, subject_id=user_id, export=str(export.pk)
            )
    except IntegrityError:
        if not DataExport.objects.pending().filter(user_id=user_id).exists():
            raise


def complete_data_export(export_id: UUID) -> None:
    """Write and store the archive of a pending export, and record the event.

    The file is stored with the row locked: only one of two workers stores it, it replaces the file
    of a killed worker, and none is stored for a user who is deleted meanwhile.
    """
    pending = DataExport.objects.pending().filter(pk=export_id, user__is_active=True)
    export = pending.first()
    if export is None:
        return
    with write_archive(export_subject(export.user_id)) as archive, transaction.atomic(durable=True):
        # Deadlock order: the user before the export.
        User.objects.select_for_update().filter(pk=export.user_id).first()
        export = pending.select_for_update(of=("self",)).first()
        if export is None:
            return
        export.file.storage.delete(export.file.name)
        export.file.storage.save(export.file.name, archive)
        export.ready_at = timezone.now()
        export.expires_at = export.ready_at + settings.DATA_EXPORT_TTL
        export.save(update_fields=["ready_at", "expires_at"])
        record(
            Tag.DATA_EXPORT_COMPLETED,
            actor=SYSTEM,
            subject_id=export.user_id,
            export=str(export_id),
        )


def fetch_data_export(token: str, *, actor: Actor) -> DataExport:
    """Return the export of a mailed token, which can be used until it expires.

    Raises `InputRejectedError` for an invalid or expired token, and `TooManyAttemptsError`.
    """
    count_token(actor)
    with transaction.atomic(durable=True):
        ready = DataExport.objects.with_token(token).ready()
        export: DataExport = require_link(ready.filter(user__is_active=True))
        record(
            Tag.DATA_EXPORT_FETCHED,
            actor=actor,
            subject_id=export.user_id,
            export=str(export.pk),
        )
    return export


def prune_data_exports() -> None:
    """Delete expired exports, at most `PRUNE_BATCH`."""
    _discard(DataExport.objects.expired().order_by("expires_at")[:PRUNE_BATCH])


def _discard(exports: QuerySet[DataExport]) -> None:
    """Delete exports: each file before its row, or its name would be lost."""
    for export in exports:
        export.file.delete(save=False)
        export.delete()
