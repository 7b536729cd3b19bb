"""Shared logic of second factors: enrollment, removal and the session's step-up."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.utils import timezone

from core.errors import ForbiddenError
from core.security.actor import Actor
from users.accounts.authentication_methods import MULTIPLE, Method, merge_amr
from users.accounts.models import User
from users.accounts.policy import may_change_credentials, require
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import Passkey, RecoveryCode, Session, Totp
from users.authentication.services.end_sessions import end_sessions_of
from users.authentication.services.recovery_codes import issue_recovery_codes


@dataclass(frozen=True, slots=True)
class EnrolledFactor:
    """A new factor and the session that it stepped up.

    The first factor comes with recovery codes, which are shown once.
    """

    session: Session
    recovery_codes: list[str]
    passkey: Passkey | None = None


@dataclass(frozen=True, slots=True)
class ActingUser:
    """The user of an interactive session, who may set up a second factor."""

    actor: Actor
    user_id: UUID
    session_id: UUID


def get_acting_user(actor: Actor) -> ActingUser:
    """Return the user of an interactive session, even if enrollment is overdue.

    Raises the policy's errors, also without a session, because there is none to step up.
    """
    enrolled = replace(actor, user_id=actor.user_id or actor.enrolling_id, enrolling_id=None)
    require(enrolled, may_change_credentials, enrolled.user_id)
    if enrolled.user_id is None or enrolled.session_id is None or enrolled.authentication is None:
        raise ForbiddenError
    return ActingUser(enrolled, enrolled.user_id, enrolled.session_id)


def record_factor(
    user: User,
    method: Method,
    amr: list[str],
    *,
    acting_user: ActingUser,
    passkey: Passkey | None = None,
) -> EnrolledFactor:
    """Activate a verified factor of a locked user, in the caller's transaction.

    Steps up the current session. The first factor also ends all other sessions, whose assurance
    level is now too low, and creates recovery codes.
    """
    is_first = not user.second_factors
    ended = (
        end_sessions_of(user.pk, actor=acting_user.actor, keep=acting_user.session_id)
        if is_first
        else 0
    )
    codes = issue_recovery_codes(user.pk) if is_first else []
    update_factor_kinds(user)
    session = record_authentication(acting_user.session_id, amr, is_factor=True)
    record(
        Tag.FACTOR_ADDED,
        actor=acting_user.actor,
        subject_id=user.pk,
        method=method.value,
        sessions=ended,
    )
    return EnrolledFactor(session, codes, passkey)


def record_factor_removal(user: User, method: Method, *, actor: Actor) -> None:
    """Record the removal of a locked user's factor, in the caller's transaction.

    Deletes the recovery codes with the last factor.
    """
    update_factor_kinds(user)
    if not user.second_factors:
        RecoveryCode.objects.filter(user=user).delete()
    record(Tag.FACTOR_REMOVED, actor=actor, subject_id=user.pk, method=method.value)


def update_factor_kinds(user: User) -> None:
    """Update `User.second_factors` of a locked user from the factors' tables."""
    kinds = {
        Method.TOTP: Totp.objects.filter(user=user, confirmed_at__isnull=False),
        Method.PASSKEY: Passkey.objects.filter(user=user),
    }
    user.second_factors = [kind.value for kind, rows in kinds.items() if rows.exists()]
    user.save(update_fields=["second_factors"])


def record_authentication(session_id: UUID, amr: list[str], *, is_factor: bool) -> Session:
    """Record in a session that its user authenticated now; a second factor raises the AAL.

    Locks the session, in the caller's transaction, which has locked the user.
    """
    session = Session.objects.get_for_update(pk=session_id)
    if session is None:
        # A concurrent request ended it.
        raise ForbiddenError
    session.authenticated_at = timezone.now()
    if is_factor:
        session.methods = merge_amr(session.methods, amr, [MULTIPLE])
        session.aal, session.factor_at = 2, session.authenticated_at
    session.save(update_fields=["methods", "aal", "authenticated_at", "factor_at"])
    return session
