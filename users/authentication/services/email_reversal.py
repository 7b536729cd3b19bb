"""Undoing a change of the primary address by the former one."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from core.errors import InputRejectedError
from core.security.actor import Actor
from users.accounts.models import EmailAddress, EmailReversal, User
from users.accounts.services.create_user import save_identifiers
from users.accounts.services.email_addresses import remove_secondary_addresses
from users.accounts.services.mailed_links import read_link, use_link
from users.accounts.throttling import counts_token
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.services.api_tokens import revoke_api_tokens_of
from users.authentication.services.passwords import write_password


@counts_token
def undo_email_change(token: str, *, actor: Actor) -> User:
    """Restore a former primary address, and let its owner choose a new password.

    The user who changed the address knows the password: it is invalidated, all sessions end, and a
    reset link is mailed if the user is active. Addresses that were added since `EMAIL_REVERSAL_TTL`
    before the change are removed, and API tokens revoked; an address that was the user's before
    becomes secondary again. Raises `InputRejectedError` for an invalid token, or if the address was
    taken meanwhile, and `TooManyAttemptsError`.
    """
    seen = read_link(EmailReversal, token)
    with transaction.atomic(durable=True):
        # Deadlock order: the user before the link.
        user = User.objects.select_for_update().get(pk=seen.user_id)
        reversal = use_link(EmailReversal, token)
        EmailReversal.objects.filter(user=user, changed_at__gte=reversal.changed_at).delete()
        other, other_verified_at = user.email, user.email_verified_at
        # Who takes over an account adds an address, and makes it the primary one then: it must not
        # remain, because its mailbox can reset the password.
        since = reversal.changed_at - settings.EMAIL_REVERSAL_TTL
        user.set_email(reversal.email, verified_at=timezone.now())
        try:
            save_identifiers(user)
        except InputRejectedError as error:
            raise error.with_field("token") from None
        remove_secondary_addresses(user, actor=actor, since=since)
        revoke_api_tokens_of(user.pk, actor=actor, since=since)
        if other_verified_at is not None and other_verified_at < since:
            EmailAddress.objects.create(user=user, email=other, verified_at=other_verified_at)
        record(
            Tag.EMAIL_CHANGED,
            actor=actor,
            subject_id=user.pk,
            personal={"old": {"email": other}, "new": {"email": user.email}},
        )
        ended = write_password(user, make_password(None), actor=actor)
        record(Tag.EMAIL_CHANGE_UNDONE, actor=actor, subject_id=user.pk, sessions=ended)
    return user
