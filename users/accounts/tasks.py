"""Tasks of accounts: mails, expired links and unused avatars."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import date_format

from core.database.batches import delete_in_batches
from core.email.message import Mail
from core.email.words import UNVERIFIED_READER, Reader
from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from users.accounts import mails
from users.accounts.avatars import storage
from users.accounts.mail_delivery import send_mail
from users.accounts.mail_recipients import mail_user
from users.accounts.models import (
    EmailAddition,
    EmailChange,
    EmailReversal,
    Invitation,
    SignUp,
    User,
)
from users.accounts.services.avatar import remove_unused_avatars
from users.accounts.services.sign_up_notices import sign_up_notice
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

# The 256 directories take 21 hours.
SWEEP_EVERY: Final = timedelta(minutes=5)


@subscriber(Tag.SIGN_UP_REQUESTED, queue=Queue.MAIL)
@subscriber(Tag.SIGN_UP_VERIFICATION_REQUESTED, queue=Queue.MAIL)
def mail_sign_up(event_id: str) -> None:
    """Mail the verification link or, to an account's owner, a notice.

    Skips a sign-up that was completed meanwhile.
    """
    nonce = Event.objects.values("subject_id").filter(pk=event_id)
    pending = SignUp.objects.filter(nonce__in=nonce).first()
    if pending is None:
        return
    owner = _owner_of(pending.email)
    if owner:
        mail_user(owner, sign_up_notice(owner), to=pending.email)
        return
    url = f"{settings.LINKS_URL}/verify-email#token={pending.token}"
    with translation.override(pending.locale):
        send_mail(mails.verify_email(UNVERIFIED_READER, url=url), to=pending.email)


@subscriber(Tag.USER_INVITED, queue=Queue.MAIL)
def mail_invitation(event_id: str) -> None:
    """Mail the invitation link; skip a replaced or accepted invitation."""
    nonce = Event.objects.values("subject_id").filter(pk=event_id)
    invitation = Invitation.objects.filter(nonce__in=nonce).first()
    if invitation is None:
        return
    url = f"{settings.LINKS_URL}/accept-invitation#token={invitation.token}"
    with translation.override(invitation.locale):
        send_mail(mails.invitation(UNVERIFIED_READER, url=url), to=invitation.email)


@subscriber(Tag.EMAIL_CHANGE_REQUESTED, queue=Queue.MAIL)
def mail_email_change(event_id: str) -> None:
    """Mail the confirmation link or, to an account's owner, a notice."""
    event = Event.objects.get(pk=event_id)
    changes = EmailChange.objects.select_related("user__profile")
    change = changes.filter(nonce=event.data["link"]).first()
    if change is None:
        return
    url = f"{settings.LINKS_URL}/confirm-email#token={change.token}"
    _mail_to_confirm(change, mails.confirm_email_change, url)


@subscriber(Tag.EMAIL_ADDRESS_REQUESTED, queue=Queue.MAIL)
def mail_email_addition(event_id: str) -> None:
    """Mail the confirmation link or, to an account's owner, a notice."""
    event = Event.objects.get(pk=event_id)
    additions = EmailAddition.objects.select_related("user__profile")
    addition = additions.filter(nonce=event.data["link"]).first()
    if addition is None:
        return
    url = f"{settings.LINKS_URL}/confirm-email-address#token={addition.token}"
    _mail_to_confirm(addition, mails.confirm_email_address, url)


@subscriber(Tag.EMAIL_ADDRESS_ADDED, queue=Queue.MAIL)
def mail_email_address_added(event_id: str) -> None:
    """Notify the user at the primary address."""
    subject = Event.objects.values("subject_id").filter(pk=event_id)
    user = User.objects.select_related("profile").filter(pk__in=subject).first()
    if user is not None:
        mail_user(user, mails.email_address_added)


@subscriber(Tag.EMAIL_ADDRESS_REMOVED, queue=Queue.MAIL)
def mail_email_address_removed(event_id: str) -> None:
    """Notify the removed address, unless it was erased meanwhile."""
    _mail_to_former(event_id, mails.email_address_removed, lambda values: values["email"])


@subscriber(Tag.EMAIL_ADDRESS_REMOVED, queue=Queue.MAIL)
def mail_email_address_removed_by_administrator(event_id: str) -> None:
    """Notify the user at the primary address if an administrator removed another one."""
    event = Event.objects.get(pk=event_id)
    details = EventDetails.objects.filter(event_id=event_id).first()
    user = User.objects.select_related("profile").filter(pk__in=[event.subject_id]).first()
    # Without an actor the user removed it by a mailed link.
    if event.actor_id in (None, event.subject_id) or details is None or user is None:
        return
    mail_user(
        user, partial(mails.email_address_removed_by_administrator, email=details.values["email"])
    )


@subscriber(Tag.EMAIL_CHANGED, queue=Queue.MAIL)
def mail_email_changed(event_id: str) -> None:
    """Notify the former primary address, unless it was erased meanwhile."""
    event = Event.objects.only("data").get(pk=event_id)
    reversals = EmailReversal.objects.open().filter(nonce=event.data.get("reversal"))
    reversal = reversals.first()

    def text(reader: Reader) -> Mail:
        if reversal is None:
            return mails.email_changed(reader)
        url = f"{settings.LINKS_URL}/undo-email-change#token={reversal.token}"
        return mails.email_changed(reader, url=url, day=date_format(reversal.expires_at))

    _mail_to_former(event_id, text, lambda values: values["old"]["email"])


@subscriber(Tag.AVATAR_CHANGED)
@subscriber(Tag.AVATAR_REMOVED)
def remove_former_avatar(event_id: str) -> None:
    """Delete the files of a replaced or removed avatar."""
    former = Event.objects.only("data").get(pk=event_id).data["former"]
    if former:
        storage.delete_files_of(former)


@periodic("users.accounts.prune_links", every=timedelta(minutes=10))
def prune_links() -> None:
    """Delete expired mailed links."""
    for kind in (SignUp, Invitation, EmailChange, EmailReversal, EmailAddition):
        delete_in_batches(kind.objects.expired())


@periodic("users.accounts.sweep_avatars", every=SWEEP_EVERY)
def sweep_avatars() -> None:
    """Delete unused avatar files in one directory, a different one each time.

    The time selects the directory, so no state is stored. A directory that a failed run skips is
    next after 21 hours.
    """
    if settings.KEEPS_FILES:
        sweep = int(timezone.now().timestamp() // SWEEP_EVERY.total_seconds())
        remove_unused_avatars(storage.PREFIXES[sweep % len(storage.PREFIXES)])


def _mail_to_confirm(
    requested: EmailChange | EmailAddition, text: Callable[..., Mail], url: str
) -> None:
    """Mail the link to the requested address or, if it is another user's, a notice."""
    owner = _owner_of(requested.email)
    if owner is not None and owner.pk != requested.user_id:
        mail_user(owner, mails.change_to_known_email, to=requested.email)
    else:
        mail_user(requested.user, partial(text, url=url), to=requested.email)


def _mail_to_former(
    event_id: str,
    text: Callable[..., Mail],
    get_address: Callable[[Mapping[str, Any]], str],
) -> None:
    """Mail a notice to an address in an event's personal values, unless they were erased."""
    details = EventDetails.objects.filter(event_id=event_id).first()
    subject = Event.objects.values("subject_id").filter(pk=event_id)
    user = User.objects.select_related("profile").filter(pk__in=subject).first()
    if details is None or user is None:
        return
    mail_user(user, text, to=get_address(details.values))


def _owner_of(email: str) -> User | None:
    return User.objects.select_related("profile").with_address(email).first()
