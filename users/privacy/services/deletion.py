"""Deletion of accounts: deactivation at once, erasure after a grace period."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_administer, may_change_credentials, require
from users.accounts.services.administration import require_another_administrator
from users.accounts.services.lookup import get_target_for_update, get_user_for_update, set_active
from users.accounts.services.mailed_links import read_link, use_link
from users.accounts.services.reauthentication import confirm_password, require_recent_authentication
from users.accounts.services.sign_in_blocks import register_block_transfer, register_sign_in_block
from users.accounts.throttling import counts_token
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import Suspension
from users.authentication.services.end_sessions import end_links_of, end_sessions_of
from users.organizations.services.owners import require_other_owners
from users.privacy.errors import PrivacyErrorCode
from users.privacy.models import AccountDeletion


def delete_me(user_id: UUID, *, actor: Actor, password: str) -> datetime:
    """Deactivate the actor's account, and return when it will be erased.

    Requires the password. Ends all sessions and mailed links; a newly mailed link or an
    administrator can cancel the deletion. Raises `InputRejectedError` for a wrong password and for
    the last administrator or the last owner of an organisation, `TooManyAttemptsError` and the
    policy's errors.
    """
    require(actor, may_change_credentials, user_id)
    confirm_password(user_id, password, actor=actor, field="password")
    with transaction.atomic(durable=True):
        return _schedule(user_id, actor=actor, field=None).expires_at


@transaction.atomic(durable=True)
def delete_user(user_id: UUID | None, *, actor: Actor) -> User:
    """Delete a user's account as `delete_me` does; no-op if a deletion is pending.

    Raises `InputRejectedError` if the user does not exist, for the actor's own account, and for the
    last administrator or owner; and the policy's errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    if user_id is not None and user_id == actor.user_id:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Delete your own account with your password: see deleteMe."),
                ("user_id",),
            )
        )
    return _schedule(user_id, actor=actor, field="user_id").user


@counts_token
def cancel_deletion(token: str, *, actor: Actor) -> User:
    """Cancel a deletion by its mailed token; the user must sign in again.

    Raises `InputRejectedError` for an invalid, used or expired token, and `TooManyAttemptsError`.
    """
    with transaction.atomic(durable=True):
        # Deadlock order: the user before the deletion.
        user_id = read_link(AccountDeletion, token).user_id
        user = User.objects.select_for_update().get(pk=user_id)
        _restore_account(user, use_link(AccountDeletion, token), actor=actor)
    return user


@transaction.atomic(durable=True)
def cancel_user_deletion(user_id: UUID | None, *, actor: Actor) -> User:
    """Cancel a user's deletion, as an administrator, within the grace period.

    Raises `InputRejectedError` if the user does not exist or has no such deletion, and the policy's
    errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    user = get_user_for_update(user_id)
    deletion = AccountDeletion.objects.open().filter(user=user).first()
    if deletion is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("This user has no deletion that can be cancelled."),
                ("user_id",),
            )
        )
    deletion.delete()
    _restore_account(user, deletion, actor=actor)
    return user


@register_sign_in_block
def _sign_in_block(user_id: UUID) -> Problem | None:
    if not AccountDeletion.objects.filter(pk=user_id).exists():
        return None
    return Problem(
        PrivacyErrorCode.DELETION_PENDING,
        _("This account is scheduled for deletion. Cancel that first: see cancelUserDeletion."),
        ("user_id",),
    )


@register_block_transfer
def _transfer_block_to_deactivation(user_id: UUID) -> bool:
    return bool(
        AccountDeletion.objects.filter(pk=user_id, was_deactivated=False).update(
            was_deactivated=True
        )
    )


def _schedule(user_id: UUID | None, *, actor: Actor, field: str | None) -> AccountDeletion:
    """Deactivate a user and schedule the erasure, in the caller's transaction.

    Errors are about ``field``. Deadlock order: organisations, administrators, the user.
    """
    if user_id is not None:
        require_other_owners(user_id, field=field)
        require_another_administrator(user_id, {"is_active": False}, field=field)
    user = get_target_for_update(user_id, actor=actor)
    was_deactivated = not user.is_active and not Suspension.objects.filter(user=user).exists()
    deletion, is_new = AccountDeletion.objects.get_or_create(
        user=user,
        defaults={
            "expires_at": timezone.now() + settings.DELETION_GRACE,
            "was_deactivated": was_deactivated,
        },
    )
    deletion.user = user
    if is_new:
        deactivate_account(user, deletion, actor=actor)
    return deletion


def deactivate_account(user: User, deletion: AccountDeletion, *, actor: Actor) -> None:
    """Deactivate a locked user for a new deletion, in the caller's transaction."""
    set_active(user, active=False)
    end_links_of(user.pk)
    ended = end_sessions_of(user.pk, actor=actor)
    record(
        Tag.DELETION_SCHEDULED,
        actor=actor,
        subject_id=user.pk,
        due_at=deletion.expires_at,
        sessions=ended,
    )


def _restore_account(user: User, deletion: AccountDeletion, *, actor: Actor) -> None:
    """Activate a locked user after a cancelled deletion, in the caller's transaction.

    A user who is suspended, or was deactivated before the deletion, stays inactive.
    """
    is_suspended = Suspension.objects.filter(user=user).exists()
    set_active(user, active=not (deletion.was_deactivated or is_suspended))
    # A sign-in that started before the deletion may have created a session after it.
    end_sessions_of(user.pk, actor=actor)
    record(Tag.DELETION_CANCELED, actor=actor, subject_id=user.pk)
