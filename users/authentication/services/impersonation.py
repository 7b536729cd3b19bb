"""Acting in somebody's name: for administrators, with a reason, for minutes, and never unseen."""

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
from users.authentication.services.sessions import SignInResult, with_tokens

MINUTE: Final = dt.timedelta(minutes=1)
END_BATCH: Final = 500


@transaction.atomic(durable=True)
def impersonate_user(
    user_id: UUID | None, *, actor: Actor, reason: str, minutes: int | None = None
) -> SignInResult:
    """Begin a session in which an administrator acts in a person's name, and return its tokens.

    It ends after so many ``minutes``, without them after `settings.IMPERSONATION_MAX`, and nothing
    prolongs it; it ends before as soon as either of the two is not what they were. What it is good
    for is `users.scopes.ON_BEHALF`. The person is told by mail. Sessions that there are, the
    administrator's own among them, stay as they are.

    Raises `InputRejectedError` for a bad value, if there is no such person, and if they are staff,
    a program or shut out; `ReauthenticationRequiredError` and the policy's errors.
    """
    require(actor, may_impersonate)
    require_recent_authentication(actor)
    reason = reason.strip()
    lasting = settings.IMPERSONATION_MAX if minutes is None else minutes * MINUTE
    _check(reason, lasting)
    # Administrators are locked before others, as by whoever suspends one of these.
    own = User.objects.administrators().filter(pk__in=[actor.user_id])
    if own.select_for_update(no_key=True).first() is None:
        raise ForbiddenError
    user = get_user_for_update(user_id)
    _refuse_unless_ordinary(user)
    session = Session.objects.create(
        user=user,
        impersonator_id=actor.user_id,
        impersonation_reason=reason,
        methods=[],
        expires_at=timezone.now() + lasting,
    )
    record(
        Tag.IMPERSONATION_BEGUN,
        actor=actor,
        subject_id=user.pk,
        personal={"reason": reason},
        session=session.pk,
        expires_at=session.expires_at,
    )
    return with_tokens(session)


@transaction.atomic(durable=True)
def end_expired_impersonations(*, actor: Actor) -> None:
    """Remove what has run out, a bounded batch at once, and record of each that it is over."""
    expired = Session.objects.impersonations().expired().order_by("pk")
    sessions = list(expired.select_for_update(skip_locked=True)[:END_BATCH])
    Session.objects.filter(pk__in=[session.pk for session in sessions]).delete()
    for session in sessions:
        record_impersonation_end(session, actor=actor)


def is_ordinary(user: User) -> bool:
    """Tell whether this is somebody who can sign in, and may do no more than people do.

    So they have no right that an administrator lacks, who has all of them.
    """
    return user.is_active and not (user.is_staff or user.is_superuser or user.is_service)


def _check(reason: str, lasting: dt.timedelta) -> None:
    """Raise `InputRejectedError` unless this is a reason, and a time that is allowed here."""
    if not settings.IMPERSONATION_MAX:
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.IMPERSONATION_REFUSED,
                _("Nobody acts in anybody's name here."),
            )
        )
    problems = Problems()
    with problems.of("reason", GenericErrorCode.VALUE_INVALID):
        check_field(Session, "impersonation_reason", reason)
        if not reason:
            raise ValidationError(_("Say why; it is recorded."))
    with problems.of("minutes", GenericErrorCode.VALUE_INVALID):
        if not MINUTE <= lasting <= settings.IMPERSONATION_MAX:
            longest = settings.IMPERSONATION_MAX // MINUTE
            raise ValidationError(_("Choose 1 to %(longest)d minutes.") % {"longest": longest})
    problems.refuse_any()


def _refuse_unless_ordinary(user: User) -> None:
    """Raise `InputRejectedError` about whoever may do more than others, or nothing at all."""
    if is_ordinary(user):
        return
    raise InputRejectedError(
        Problem(
            AuthenticationErrorCode.IMPERSONATION_REFUSED,
            _("Only people who can sign in, and who are no staff, can be acted for."),
            ("user_id",),
        )
    )
