"""Subscribers and the periodic task of exports."""

from datetime import timedelta
from uuid import UUID

from django.utils.formats import date_format

from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from users.accounts.mail_recipients import mail_user
from users.activity.tags import Tag
from users.exports import mails
from users.exports.models import UserExport
from users.exports.services.download import discard_file, prune_user_exports
from users.exports.services.run import TOPIC, USER_EXPORTS
from users.jobs.services.run import failed_turn_handler, run_turn


@subscriber(TOPIC, queue=Queue.BULK, on_failure=failed_turn_handler(USER_EXPORTS))
def run_user_export(user_export_id: str, turn: int) -> None:
    """Run one turn of an export."""
    run_turn(USER_EXPORTS, UUID(user_export_id), turn=turn)


@subscriber(Tag.USER_EXPORT_FINISHED, queue=Queue.MAIL)
def mail_user_export(event_id: str) -> None:
    """Mail the link to the requester of a completed export."""
    exports = UserExport.objects.ready().select_related("requester__profile")
    export = exports.filter(pk=USER_EXPORTS.job_id_of(event_id), requester__is_active=True).first()
    if export is None:
        return
    mail_user(
        export.requester,
        lambda reader: mails.user_export(
            reader, url=export.url, day=date_format(export.expires_at)
        ),
    )


@subscriber(Tag.USER_EXPORT_FINISHED)
@subscriber(Tag.USER_EXPORT_CANCELED)
def discard_user_export(event_id: str) -> None:
    """Delete the file of an export that was not completed."""
    discard_file(USER_EXPORTS.job_id_of(event_id))


@periodic("users.exports.prune", every=timedelta(minutes=10))
def prune() -> None:
    """Delete expired exports and their files."""
    prune_user_exports()
