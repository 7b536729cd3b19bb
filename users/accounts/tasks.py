"""Background work of accounts."""

from celery import shared_task
from django.conf import settings
from django.utils import translation

from core import mail
from core.db import delete_in_batches
from core.outbox.registry import subscriber
from users.accounts import mails
from users.accounts.models import SignUp, User
from users.accounts.services.sign_up import verification_token
from users.activity.models import Event
from users.activity.tags import Tag


@subscriber(Tag.SIGN_UP_REQUESTED)
def mail_sign_up(event_id: int) -> None:
    """Mail the link to verify or, if the address has an account, a notice to its owner.

    A sign-up that was replaced or verified meanwhile gets no mail.
    """
    nonce = Event.objects.values_list("subject_id").filter(pk=event_id)
    pending = SignUp.objects.filter(nonce__in=nonce).first()
    if pending is None:
        return
    owner = User.objects.select_related("profile").filter(email=pending.email).first()
    with translation.override(owner.profile.locale if owner else pending.locale):
        if owner:
            text = mails.sign_up_with_known_email(name=owner.get_full_name())
        else:
            url = f"{settings.VERIFY_EMAIL_URL}#token={verification_token(pending)}"
            text = mails.verify_email(username=pending.username, url=url)
        mail.send(text, to=pending.email)


@shared_task(name="users.accounts.prune_sign_ups")
def prune_sign_ups() -> None:
    """Remove sign-ups whose time is up."""
    delete_in_batches(SignUp.objects.expired())
