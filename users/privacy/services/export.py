"""Data exports: requested, written by a task, downloaded by a mailed link."""

from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.security.actor import SYSTEM, Actor
from users.accounts.models import User
from users.accounts.policy import may_change_credentials, require
from users.accounts.services.mailed_links import require_link
from users.accounts.services.reauthentication import (
    require_owner,
    require_recent_authentication,
)
from users.accounts.throttling import counts_token
from users.activity.personal_data_registry import export_subject
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.services.remaining_access import AccessKind, register_access
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


@counts_token
def fetch_data_export(token: str, *, actor: Actor, password: str | None = None) -> DataExport:
    """Return the export of a mailed token, which can be used until it expires.

    The link alone does not suffice, as mails are forwarded and read by others: the user is signed
    in or, without a second factor, gives the ``password``. Raises `InputRejectedError` for an
    invalid or expired token, and for a missing or wrong password, and `TooManyAttemptsError`.
    """
    owner = _find_ready(token).user
    has_factor = bool(owner.second_factors)
    require_owner(
        owner.pk,
        None if has_factor else password,
        actor=actor,
        message=_("Sign in to your account with your second factor, then open this link again.")
        if has_factor
        else _("Sign in to your account, or enter its password."),
    )
    with transaction.atomic(durable=True):
        export = _find_ready(token)
        record(
            Tag.DATA_EXPORT_FETCHED,
            actor=actor,
            subject_id=export.user_id,
            export=str(export.pk),
        )
    return export


def _find_ready(token: str) -> DataExport:
    ready = DataExport.objects.with_token(token).ready().select_related("user")
    export: DataExport = require_link(ready.filter(user__is_active=True))
    return export


def prune_data_exports() -> None:
    """Delete expired exports, at most `PRUNE_BATCH`."""
    _discard(DataExport.objects.expired().order_by("expires_at")[:PRUNE_BATCH])


register_access(
    "data_exports",
    AccessKind(
        gettext_lazy("Data exports: %(count)d"),
        lambda user_id: DataExport.objects.open().filter(user=user_id).count(),
        lambda user_id, _actor: _discard(DataExport.objects.filter(user=user_id)),
    ),
)


def _discard(exports: QuerySet[DataExport]) -> None:
    """Delete exports: each file before its row, or its name would be lost."""
    for export in exports:
        export.file.delete(save=False)
        export.delete()
