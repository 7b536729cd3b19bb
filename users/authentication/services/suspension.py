"""Suspending users, with or without an end date, and reactivating them."""

import datetime as dt
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_administer_users, require
from users.accounts.services.administration import require_another_administrator
from users.accounts.services.lookup import get_user_for_update, set_active
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.sign_in_blocks import find_sign_in_block
from users.accounts.services.validation import Problems, check_field
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import Suspension
from users.authentication.services.end_sessions import end_links_of, end_sessions_of

# Dates near the end of the calendar overflow in other time zones.
MAX_DURATION: Final = dt.timedelta(days=36_525)


@transaction.atomic(durable=True)
def suspend_user(
    user_id: UUID | None, *, actor: Actor, reason: str, until: dt.datetime | None = None
) -> User:
    """Suspend a user until ``until`` or, without it, until they are reactivated.

    Ends sessions and invalidates mailed links. A suspended user gets the new reason and end; the
    same values are a no-op. Raises `InputRejectedError` for an invalid value, if there is no such
    user and for the last active administrator; and the policy's errors.
    """
    require(actor, may_administer_users)
    require_recent_authentication(actor)
    reason = reason.strip()
    check_suspension(reason, until)
    until = until.astimezone(dt.UTC) if until else None
    if user_id is not None:
        require_another_administrator(user_id, {"is_active": False}, field="user_id")
    user = get_user_for_update(user_id)
    _suspend(user, actor=actor, reason=reason, until=until)
    return user


@transaction.atomic(durable=True)
def change_suspension(user_id: UUID, *, actor: Actor, **changes: Any) -> User:
    """Change the ``reason`` or ``until`` of a suspension; omitted values are kept.

    Raises `InputRejectedError` for an invalid value and if the user is no longer suspended, and the
    policy's errors.
    """
    require(actor, may_administer_users)
    require_recent_authentication(actor)
    user = get_user_for_update(user_id)
    current = suspension_of(user)
    if current is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND, _("This user is no longer suspended."), ("user_id",)
            )
        )
    reason = changes.get("reason", current.reason).strip()
    until = changes.get("until", current.until)
    check_suspension(reason, changes.get("until"))
    _suspend(user, actor=actor, reason=reason, until=until.astimezone(dt.UTC) if until else None)
    return user


def suspension_of(user: User) -> Suspension | None:
    """Return the user's suspension, for services and for pages that a mailed link opens."""
    return Suspension.objects.filter(user=user).first()


def begin_suspension(
    user: User, *, actor: Actor, reason: str, until: dt.datetime | None = None
) -> int:
    """Suspend a locked user in the caller's transaction, which records it.

    Returns the number of ended sessions.
    """
    Suspension.objects.update_or_create(user=user, defaults={"reason": reason, "until": until})
    set_active(user, active=False)
    end_links_of(user.pk)
    return end_sessions_of(user.pk, actor=actor)


def _suspend(user: User, *, actor: Actor, reason: str, until: dt.datetime | None) -> None:
    """Suspend a locked user in the caller's transaction; the same suspension is a no-op."""
    old = suspension_of(user)
    if old and not user.is_active and (old.reason, old.until) == (reason, until):
        return
    ended = begin_suspension(user, actor=actor, reason=reason, until=until)
    record(
        Tag.USER_SUSPENDED,
        actor=actor,
        subject_id=user.pk,
        personal={"reason": reason} | _old_reason(old),
        until=until,
        sessions=ended,
        **_old_until(old),
    )


@transaction.atomic(durable=True)
def reactivate_user(user_id: UUID | None, *, actor: Actor) -> User:
    """Reactivate a user, who has to sign in again; a no-op for an active user.

    Raises `InputRejectedError` if there is no such user or if another block remains, such as a
    scheduled deletion; and the policy's errors.
    """
    require(actor, may_administer_users)
    require_recent_authentication(actor)
    user = get_user_for_update(user_id)
    problem = find_sign_in_block(user.pk)
    if problem:
        raise InputRejectedError(problem)
    _reactivate(user, actor=actor)
    return user


@transaction.atomic(durable=True)
def lift_suspension(user_id: UUID, *, actor: Actor) -> None:
    """Reactivate a user whose suspension has expired; checks that again under the lock.

    Raises the policy's errors.
    """
    require(actor, may_administer_users)
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user and Suspension.objects.expired().filter(user=user).exists():
        _reactivate(user, actor=actor)


def end_suspension(user: User, *, actor: Actor) -> None:
    """Lift a locked user's suspension, in the caller's transaction, which records it.

    The user becomes active unless another block remains.
    """
    Suspension.objects.filter(user=user).delete()
    set_active(user, active=find_sign_in_block(user.pk) is None)
    # Race: a log-in that began before the suspension may have completed after it.
    end_sessions_of(user.pk, actor=actor)


def _reactivate(user: User, *, actor: Actor) -> None:
    """Lift a locked user's suspension and record it; a no-op for an active user."""
    old = suspension_of(user)
    if user.is_active and old is None:
        return
    end_suspension(user, actor=actor)
    record(
        Tag.USER_REACTIVATED,
        actor=actor,
        subject_id=user.pk,
        personal=_old_reason(old),
        **_old_until(old),
    )


def _old_reason(suspension: Suspension | None) -> dict[str, Any]:
    return {"old_reason": suspension.reason} if suspension else {}


def _old_until(suspension: Suspension | None) -> dict[str, Any]:
    return {"old_until": suspension.until} if suspension else {}


def check_suspension(reason: str, until: dt.datetime | None = None) -> None:
    """Validate a suspension's values. Raises `InputRejectedError`."""
    problems = Problems()
    with problems.of("reason", GenericErrorCode.VALUE_INVALID):
        check_field(Suspension, "reason", reason.strip())
    with problems.of("until", GenericErrorCode.VALUE_INVALID):
        _check_until(until)
    problems.refuse_any()


def _check_until(until: dt.datetime | None) -> None:
    """Raise `ValidationError` unless ``until`` is in the future, with a time zone."""
    if until is None:
        return
    if timezone.is_naive(until):
        raise ValidationError(_("Add a time zone, as in 2030-01-31T12:00:00Z."))
    if not dt.timedelta(0) < until - timezone.now() <= MAX_DURATION:
        raise ValidationError(
            _("Choose a time in the future, or leave this empty to suspend indefinitely.")
        )
