"""Tasks of organisations: mails and expired invitations."""

from datetime import timedelta
from functools import partial

from django.conf import settings
from django.utils import translation

from core.database.batches import delete_in_batches
from core.email.words import UNVERIFIED_READER
from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from users.accounts.mail_delivery import send_mail
from users.accounts.mail_recipients import mail_user
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations import mails
from users.organizations.models import OrganizationInvitation


@subscriber(Tag.ORGANIZATION_INVITATION_SENT, queue=Queue.MAIL)
def mail_invitation(event_id: str) -> None:
    """Mail the invitation link, in the language of the account or of the invitation.

    Skips an invitation that was replaced, cancelled or answered.
    """
    nonce = Event.objects.values("subject_id").filter(pk=event_id)
    invitations = OrganizationInvitation.objects.select_related("organization", "inviter")
    invitation = invitations.filter(nonce__in=nonce).first()
    if invitation is None:
        return
    text = partial(
        mails.invitation,
        organization=invitation.organization.name,
        inviter=invitation.inviter.username,
        url=f"{settings.LINKS_URL}/join-organization#token={invitation.token}",
    )
    owner = User.objects.select_related("profile").with_address(invitation.email).first()
    if owner:
        mail_user(owner, text, to=invitation.email)
        return
    with translation.override(invitation.locale):
        send_mail(text(UNVERIFIED_READER), to=invitation.email)


@periodic("users.organizations.prune_invitations", every=timedelta(minutes=10))
def prune_invitations() -> None:
    """Delete expired invitations."""
    delete_in_batches(OrganizationInvitation.objects.expired())
