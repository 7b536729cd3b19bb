"""Tasks of privacy: mails, exports and erasures."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils.formats import date_format

from core.outbox.periodic import periodic
from core.outbox.registry import subscriber
from users.accounts.mail_recipients import mail_user
from users.activity.models import Event
from users.activity.tags import Tag
from users.privacy import mails
from users.privacy.models import AccountDeletion, DataExport
from users.privacy.services import erasure
from users.privacy.services.export import complete_data_export, prune_data_exports

ERASE_BATCH: Final = 100


@subscriber(Tag.DELETION_SCHEDULED)
def mail_deletion(event_id: str) -> None:
    """Mail the link to cancel a deletion; skip cancelled ones and service accounts."""
    subject = Event.objects.values("subject_id").filter(pk=event_id)
    deletions = AccountDeletion.objects.open().select_related("user__profile")
    deletion = deletions.filter(pk__in=subject, user__is_service=False).first()
    if deletion is None:
        return
    url = f"{settings.LINKS_URL}/cancel-deletion#token={deletion.token}"
    mail_user(
        deletion.user,
        lambda reader: mails.deletion_scheduled(
            reader, url=url, day=date_format(deletion.expires_at)
        ),
    )


@subscriber(Tag.DATA_EXPORT_REQUESTED)
def write_data_export(event_id: str) -> None:
    """Write the archive of the requested export."""
    event = Event.objects.only("data").get(pk=event_id)
    complete_data_export(UUID(event.data["export"]))


@subscriber(Tag.DATA_EXPORT_COMPLETED)
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


@shared_task(name="users.privacy.erase_user")
def erase_user(user_id: str) -> None:
    """Erase a user, or resume an interrupted erasure."""
    erasure.erase_user(UUID(user_id))
