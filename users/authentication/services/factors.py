"""What all second factors have in common: who sets them up, and what comes and goes with them."""

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
    """A factor that was set up, and the session that it stepped up.

    The recovery codes, which come with the first factor, exist in clear text only here.
    """

    session: Session
    recovery_codes: list[str]
    passkey: Passkey | None = None


@dataclass(frozen=True, slots=True)
class ActingUser:
    """Whoever is behind a session, as an actor who may set up a second factor for themselves."""

    actor: Actor
    user_id: UUID
    session_id: UUID


def get_acting_user(actor: Actor) -> ActingUser:
    """Return the person of a session, even one who must set up a second factor first.

    Raises the policy's errors, also for who acts through no session: nothing could be stepped up.
    """
    known = replace(actor, user_id=actor.user_id or actor.enrolling_id, enrolling_id=None)
    require(known, may_change_credentials, known.user_id)
    if known.user_id is None or known.session_id is None or known.proof is None:
        raise ForbiddenError
    return ActingUser(known, known.user_id, known.session_id)


def record_factor(
    user: User,
    method: Method,
    amr: list[str],
    *,
    person: ActingUser,
    passkey: Passkey | None = None,
) -> EnrolledFactor:
    """Count a factor that a locked person just proved to have, in the caller's transaction.

    The session that they did it through is stepped up. With the first factor all others end, which
    proved less than there is to prove now, and recovery codes are made.
    """
    is_first = not user.second_factors
    ended = end_sessions_of(user.pk, actor=person.actor, keep=person.session_id) if is_first else 0
    codes = issue_recovery_codes(user.pk) if is_first else []
    update_factor_kinds(user)
    session = record_authentication(person.session_id, amr, is_factor=True)
    record(
        Tag.FACTOR_ADDED,
        actor=person.actor,
        subject_id=user.pk,
        method=method.value,
        sessions=ended,
    )
    return EnrolledFactor(session, codes, passkey)


def record_factor_removal(user: User, method: Method, *, actor: Actor) -> None:
    """Note that a locked person has one factor less, in the caller's transaction.

    The recovery codes go with the last.
    """
    update_factor_kinds(user)
    if not user.second_factors:
        RecoveryCode.objects.filter(user=user).delete()
    record(Tag.FACTOR_REMOVED, actor=actor, subject_id=user.pk, method=method.value)


def update_factor_kinds(user: User) -> None:
    """Write to a locked person which kinds of factors there are."""
    kinds = {
        Method.TOTP: Totp.objects.filter(user=user, confirmed_at__isnull=False),
        Method.PASSKEY: Passkey.objects.filter(user=user),
    }
    user.second_factors = [kind.value for kind, rows in kinds.items() if rows.exists()]
    user.save(update_fields=["second_factors"])


def record_authentication(session_id: UUID, amr: list[str], *, is_factor: bool) -> Session:
    """Note in a session that its person was proved at this moment, perhaps by a second factor.

    Locks the session, in the caller's transaction, which has locked the person.
    """
    session = Session.objects.get_for_update(pk=session_id)
    if session is None:
        # It was ended at the same moment.
        raise ForbiddenError
    session.authenticated_at = timezone.now()
    if is_factor:
        session.methods = merge_amr(session.methods, amr, [MULTIPLE])
        session.aal, session.factor_at = 2, session.authenticated_at
    session.save(update_fields=["methods", "aal", "authenticated_at", "factor_at"])
    return session
