"""Shutting people out, for a while or until further notice, and letting them in again."""

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

# Dates near the end of the calendar are none in another time zone.
LONGEST: Final = dt.timedelta(days=36_525)


@transaction.atomic(durable=True)
def suspend_user(
    user_id: UUID | None, *, actor: Actor, reason: str, until: dt.datetime | None = None
) -> User:
    """Shut a person out until that moment or, without one, until somebody reactivates them.

    Sessions and mailed links end. Who is suspended already gets the new
    reason and end; the same ones change nothing. Raises `InputRejectedError` for a bad value,
    if there is no such person and if it is the last active administrator; and the policy's
    errors.
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
    """Change the ``reason`` or ``until`` of a suspension; what is not given stays.

    Raises `InputRejectedError` for a bad value and if the user is not suspended any more, and the
    policy's errors.
    """
    require(actor, may_administer_users)
    require_recent_authentication(actor)
    user = get_user_for_update(user_id)
    current = Suspension.objects.filter(user=user).first()
    if current is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND, _("The suspension was lifted meanwhile."), ("user_id",)
            )
        )
    reason = changes.get("reason", current.reason).strip()
    until = changes.get("until", current.until)
    check_suspension(reason, changes.get("until"))
    _suspend(user, actor=actor, reason=reason, until=until.astimezone(dt.UTC) if until else None)
    return user


def _suspend(user: User, *, actor: Actor, reason: str, until: dt.datetime | None) -> None:
    """Suspend a locked user in the caller's transaction, unless that is so already."""
    old = Suspension.objects.filter(user=user).first()
    if old and not user.is_active and (old.reason, old.until) == (reason, until):
        return
    Suspension.objects.update_or_create(user=user, defaults={"reason": reason, "until": until})
    set_active(user, active=False)
    end_links_of(user.pk)
    ended = end_sessions_of(user.pk, actor=actor)
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
    """Let a person in again; they sign in anew. An active one stays as they are.

    Raises `InputRejectedError` if there is no such person or something else than a suspension
    keeps them out, and the policy's errors.
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
    """Reactivate a person whose suspension is over, unless that or they changed meanwhile.

    Raises the policy's errors.
    """
    require(actor, may_administer_users)
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user and Suspension.objects.expired().filter(user=user).exists():
        _reactivate(user, actor=actor)


def _reactivate(user: User, *, actor: Actor) -> None:
    """Let a locked person in, in the caller's transaction, if nothing else keeps them out."""
    old = Suspension.objects.filter(user=user).first()
    if user.is_active and old is None:
        return
    Suspension.objects.filter(user=user).delete()
    set_active(user, active=find_sign_in_block(user.pk) is None)
    # A log-in that began before the suspension may have ended after it.
    end_sessions_of(user.pk, actor=actor)
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
    """Raise `InputRejectedError` unless a suspension may have these values."""
    problems = Problems()
    with problems.of("reason", GenericErrorCode.VALUE_INVALID):
        check_field(Suspension, "reason", reason.strip())
    with problems.of("until", GenericErrorCode.VALUE_INVALID):
        _check_until(until)
    problems.refuse_any()


def _check_until(until: dt.datetime | None) -> None:
    """Raise `ValidationError` unless the moment is to come."""
    if until is None:
        return
    if timezone.is_naive(until):
        raise ValidationError(_("Name a time zone, as in 2030-01-31T12:00:00Z."))
    if not dt.timedelta(0) < until - timezone.now() <= LONGEST:
        raise ValidationError(
            _("Choose a moment in the future, or none for a suspension without end.")
        )
