"""Impersonation: short, recorded sessions of administrators in a user's account."""

import datetime as dt
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import ForbiddenError, GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_impersonate, require
from users.accounts.services.lookup import get_user_for_update
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.validation import Problems, check_field
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.models import Session
from users.authentication.services.end_sessions import record_impersonation_end
from users.authentication.services.sessions import SignInResult, issue_tokens

MINUTE: Final = dt.timedelta(minutes=1)
END_BATCH: Final = 500


@transaction.atomic(durable=True)
def impersonate_user(
    user_id: UUID | None, *, actor: Actor, reason: str, minutes: int | None = None
) -> SignInResult:
    """Begin an impersonation of a user and return its tokens.

    The session ends after ``minutes``, by default after `settings.IMPERSONATION_MAX`, and is never
    extended. It also ends when the administrator or the user changes role or becomes inactive. Its
    scopes are `users.scopes.ON_BEHALF`. The user is notified by mail. Existing sessions continue,
    including the administrator's own.

    Staff, service accounts and inactive users cannot be impersonated. Raises `InputRejectedError`
    for these, for an invalid value and if there is no such user; `ReauthenticationRequiredError`
    and the policy's errors.
    """
    require(actor, may_impersonate)
    require_recent_authentication(actor)
    reason = reason.strip()
    duration = settings.IMPERSONATION_MAX if minutes is None else minutes * MINUTE
    _check(reason, duration)
    # Deadlock order: administrators before other users, as when an administrator is suspended.
    administrators = User.objects.administrators().filter(pk__in=[actor.user_id])
    if administrators.select_for_update(no_key=True).first() is None:
        raise ForbiddenError
    user = get_user_for_update(user_id)
    _require_ordinary(user)
    session = Session.objects.create(
        user=user,
        impersonator_id=actor.user_id,
        impersonation_reason=reason,
        methods=[],
        expires_at=timezone.now() + duration,
    )
    record(
        Tag.IMPERSONATION_BEGUN,
        actor=actor,
        subject_id=user.pk,
        personal={"reason": reason},
        session=session.pk,
        expires_at=session.expires_at,
    )
    return issue_tokens(session)


@transaction.atomic(durable=True)
def end_expired_impersonations(*, actor: Actor) -> None:
    """Delete expired impersonations, at most `END_BATCH`, and record the end of each."""
    expired = Session.objects.impersonations().expired().order_by("pk")
    sessions = list(expired.select_for_update(skip_locked=True)[:END_BATCH])
    Session.objects.filter(pk__in=[session.pk for session in sessions]).delete()
    for session in sessions:
        record_impersonation_end(session, actor=actor)


def is_ordinary(user: User) -> bool:
    """Return whether the user is active and neither staff, administrator nor service account.

    Such a user has no right that an administrator lacks.
    """
    return user.is_active and not (user.is_staff or user.is_superuser or user.is_service)


def _check(reason: str, duration: dt.timedelta) -> None:
    """Validate the reason and the duration. Raises `InputRejectedError`."""
    if not settings.IMPERSONATION_MAX:
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.IMPERSONATION_REFUSED,
                _("Impersonation is disabled."),
            )
        )
    problems = Problems()
    with problems.of("reason", GenericErrorCode.VALUE_INVALID):
        check_field(Session, "impersonation_reason", reason)
        if not reason:
            raise ValidationError(_("Enter a reason. It will be recorded."))
    with problems.of("minutes", GenericErrorCode.VALUE_INVALID):
        if not MINUTE <= duration <= settings.IMPERSONATION_MAX:
            longest = settings.IMPERSONATION_MAX // MINUTE
            raise ValidationError(_("Choose 1 to %(longest)d minutes.") % {"longest": longest})
    problems.refuse_any()


def _require_ordinary(user: User) -> None:
    """Raise `InputRejectedError` unless the user may be impersonated; see `is_ordinary`."""
    if is_ordinary(user):
        return
    raise InputRejectedError(
        Problem(
            AuthenticationErrorCode.IMPERSONATION_REFUSED,
            _("This user cannot be impersonated. Choose an active user who is not staff."),
            ("user_id",),
        )
    )
