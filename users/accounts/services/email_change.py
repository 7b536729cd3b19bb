"""Change of the primary address: requested with the password, confirmed at the new one."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.errors import InputRejectedError
from core.security.actor import Actor
from users.accounts.models import EmailChange, User
from users.accounts.policy import may_change_credentials, require
from users.accounts.services.create_user import check_identifiers, save_identifiers
from users.accounts.services.lookup import get_self_for_update
from users.accounts.services.mailed_links import create_reversal, read_link, use_link
from users.accounts.services.reauthentication import confirm_password, require_owner
from users.accounts.throttling import count_mail, counts_token
from users.activity.services.record import record
from users.activity.tags import Tag


def request_email_change(user_id: UUID, *, actor: Actor, email: str, password: str) -> None:
    """Request another primary address; it changes once the mailed link is confirmed.

    Discloses only to the address's owner, by mail, whether the address has an account. A later
    request replaces an earlier one; a request for the current address is a no-op. Raises
    `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_change_credentials, user_id)
    email = check_identifiers({"email": email})["email"]
    confirm_password(user_id, password, actor=actor, field="password")
    count_mail(actor, email)
    with transaction.atomic(durable=True):
        if get_self_for_update(user_id).email == email:
            return
        change = EmailChange(
            user_id=user_id, email=email, expires_at=timezone.now() + settings.EMAIL_CHANGE_TTL
        )
        EmailChange.objects.bulk_create(
            [change],
            update_conflicts=True,
            unique_fields=["user"],
            update_fields=["email", "nonce", "expires_at"],
        )
        record(
            Tag.EMAIL_CHANGE_REQUESTED,
            actor=actor,
            subject_id=user_id,
            personal={"email": email},
            link=change.nonce,
        )


@counts_token
def confirm_email_change(token: str, *, actor: Actor, password: str | None = None) -> User:
    """Make the address to which the token was mailed the primary one.

    Requires the user to be signed in, or the ``password``: the mailbox may be a stranger's, who
    would otherwise share an account with its owner (pre-hijacking). The old address gets a notice
    and, if it was verified, can undo the change. Raises `InputRejectedError` for an invalid token,
    for a missing or wrong password, or if the address was taken meanwhile, and
    `TooManyAttemptsError`.
    """
    seen = read_link(EmailChange, token)
    require_owner(seen.user_id, password, actor=actor)
    with transaction.atomic(durable=True):
        # Deadlock order: the user before the link. A changed password deletes the link.
        user = User.objects.select_for_update().get(pk=seen.user_id)
        change = use_link(EmailChange, token)
        old, was_verified = user.email, user.email_verified_at is not None
        now = timezone.now()
        user.set_email(change.email, verified_at=now)
        try:
            save_identifiers(user)
        except InputRejectedError as error:
            # Another user confirmed the address meanwhile.
            raise error.with_field("token") from None
        record(
            Tag.EMAIL_CHANGED,
            actor=actor,
            subject_id=user.pk,
            personal={"old": {"email": old}, "new": {"email": user.email}},
            **({"reversal": create_reversal(user.pk, old, changed_at=now)} if was_verified else {}),
        )
    return user
