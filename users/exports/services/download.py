"""Downloading exports, and deleting their files."""

from collections.abc import Iterator
from itertools import chain
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.accounts.services.reauthentication import require_recent_authentication
from users.activity.services.record import record
from users.activity.tags import Tag
from users.exports.files import delete_parts, read_parts
from users.exports.formats import ExportFormat
from users.exports.models import UserExport
from users.exports.policy import may_export_users
from users.jobs.states import JobState

PRUNE_BATCH: Final = 1_000


def fetch_user_export(export_id: UUID, *, actor: Actor) -> UserExport:
    """Return an export whose file is ready, and record the download.

    Raises `InputRejectedError` if there is none or it has expired, `ReauthenticationRequiredError`
    and the policy's errors.
    """
    require(actor, may_export_users)
    require_recent_authentication(actor)
    with transaction.atomic(durable=True):
        export: UserExport | None = (
            UserExport.objects.visible_to(actor).ready().filter(pk=export_id).first()
        )
        if export is None:
            message = _("There is no such export, or it has expired.")
            raise InputRejectedError(Problem(GenericErrorCode.NOT_FOUND, message, ("id",)))
        record(Tag.USER_EXPORT_DOWNLOADED, actor=actor, subject_id=None, user_export=export.pk)
    return export


def read_file(export: UserExport) -> tuple[int, Iterator[bytes]]:
    """Return the length of an export's file and its content, in blocks."""
    head = ExportFormat(export.format).head(export.columns)  # type: ignore[call-arg]
    content = chain([head], read_parts(export.directory, export.parts))
    return len(head) + export.size, content


def discard_file(export_id: UUID) -> None:
    """Delete the file of an export that ended without being completed."""
    ended = UserExport.objects.ended().exclude(state=JobState.COMPLETED)
    delete_files(ended.filter(pk=export_id))


def prune_user_exports() -> None:
    """Delete exports that ended `settings.DATA_EXPORT_TTL` ago, at most `PRUNE_BATCH`."""
    outdated = UserExport.objects.finished_before(settings.DATA_EXPORT_TTL)
    # Each file before its row, or its name would be lost.
    for export in outdated.order_by("finished_at")[:PRUNE_BATCH]:
        delete_parts(export.directory, export.parts)
        export.delete()


def delete_files(exports: QuerySet[UserExport]) -> None:
    """Delete the files of exports."""
    for directory, parts in exports.values_list("directory", "parts"):
        delete_parts(directory, parts)
