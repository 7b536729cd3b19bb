"""Tasks of privacy: mails, exports and erasures."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.utils.formats import date_format

from core.email.message import Mail
from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from core.outbox.routed_tasks import task
from users.accounts.mail_recipients import mail_user
from users.accounts.models import User
from users.accounts.services.sign_up_notices import Notice, register_inactive_state
from users.activity.models import Event
from users.activity.tags import Tag
from users.privacy import mails
from users.privacy.models import AccountDeletion, DataExport
from users.privacy.services import erasure
from users.privacy.services.export import complete_data_export, prune_data_exports

ERASE_BATCH: Final = 100


@subscriber(Tag.DELETION_SCHEDULED, queue=Queue.MAIL)
@subscriber(Tag.EMAIL_CHANGE_UNDONE, queue=Queue.MAIL)
def mail_deletion(event_id: str) -> None:
    """Mail the link to cancel a deletion; skip cancelled ones and service accounts.

    Also when the former address undid its change: who took over the account may have deleted it.
    """
    subject = Event.objects.values("subject_id").filter(pk=event_id)
    deletions = AccountDeletion.objects.open().select_related("user__profile")
    deletion = deletions.filter(pk__in=subject, user__is_service=False).first()
    if deletion is None:
        return
    mail_user(deletion.user, _with_link(mails.deletion_scheduled, deletion))


@register_inactive_state
def _deletion_notice(user: User) -> Notice | None:
    # Keeping the account would not end a suspension, which has a notice of its own.
    deletions = AccountDeletion.objects.open().filter(user__suspension=None)
    deletion = deletions.filter(pk=user.pk).first()
    return _with_link(mails.sign_up_while_deleted, deletion) if deletion else None


def _with_link(text: Callable[..., Mail], deletion: AccountDeletion) -> Notice:
    """Return a text with the link that cancels a deletion, and its day."""
    url = f"{settings.LINKS_URL}/cancel-deletion#token={deletion.token}"
    return lambda reader: text(reader, url=url, day=date_format(deletion.expires_at))


@subscriber(Tag.DATA_EXPORT_REQUESTED, queue=Queue.BULK)
def write_data_export(event_id: str) -> None:
    """Write the archive of the requested export."""
    event = Event.objects.only("data").get(pk=event_id)
    complete_data_export(UUID(event.data["export"]))


@subscriber(Tag.DATA_EXPORT_COMPLETED, queue=Queue.MAIL)
def mail_data_export(event_id: str) -> None:
    """Mail the link to the archive; it opens our own page, not the frontend."""
    event = Event.objects.only("data").get(pk=event_id)
    exports = DataExport.objects.open().select_related("user__profile")
    export = exports.filter(pk=event.data["export"], user__is_active=True).first()
    if export is None:
        return
    url = f"{settings.PUBLIC_URL}/data-export#token={export.token}"
    mail_user(
        export.user,
        lambda reader: mails.data_export(reader, url=url, day=date_format(export.expires_at)),
    )


@periodic("users.privacy.prune_exports", every=timedelta(minutes=10))
def prune_exports() -> None:
    """Delete expired archives."""
    prune_data_exports()


@periodic("users.privacy.erase_due_users", every=timedelta(minutes=10))
def erase_due_users() -> None:
    """Schedule the erasure of users whose grace period is over, oldest first.

    One task per user, so that a failing erasure does not block the others.
    """
    due = AccountDeletion.objects.expired().order_by("expires_at")
    for user_id in list(due.values_list("pk", flat=True)[:ERASE_BATCH]):
        erase_user.delay(str(user_id))


@task("users.privacy.erase_user", queue=Queue.BULK)
def erase_user(user_id: str) -> None:
    """Erase a user, or resume an interrupted erasure."""
    erasure.erase_user(UUID(user_id))
