"""Starting exports of users."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from engine.sql.filtered_page import first_rows
from users.accounts.policy import require
from users.accounts.services.reauthentication import require_recent_authentication
from users.exports.columns import UserColumn
from users.exports.errors import ExportErrorCode
from users.exports.formats import ExportFormat
from users.exports.models import UserExport
from users.exports.policy import may_export_users
from users.exports.services.run import USER_EXPORTS
from users.exports.throttling import count_export
from users.jobs.selection import Selection
from users.jobs.services.start import start_job


def export_users(
    *, actor: Actor, selection: Selection, columns: Sequence[UserColumn], file_format: ExportFormat
) -> UserExport:
    """Start an export of a selection, which a worker writes to a file.

    Raises `InputRejectedError` without columns, for one that is there twice, and while another
    export of the actor is live; `ArgumentInvalidError` for an invalid filter or search;
    `TooManyAttemptsError`, `ReauthenticationRequiredError` and the policy's errors.
    """
    require(actor, may_export_users)
    require_recent_authentication(actor)
    if not columns or len(set(columns)) < len(columns):
        message = _("Give at least one column, and each once.")
        raise InputRejectedError(Problem(GenericErrorCode.VALUE_INVALID, message, ("fields",)))
    # Raises for an invalid selection.
    first_rows(selection.users(actor).order_by("pk").only("pk"), 1).exists()
    requester_id = cast("UUID", actor.user_id)
    count_export(requester_id)
    export = UserExport(
        requester_id=requester_id,
        selection=selection.to_json(),
        columns=list(columns),
        format=file_format,
    )
    message = _("Wait for your other export to end, or cancel it.")
    start_job(
        USER_EXPORTS,
        export,
        actor=actor,
        if_running=Problem(ExportErrorCode.USER_EXPORT_RUNNING, message),
        columns=list(columns),
        format=file_format,
    )
    return export
