"""Ending sessions, and invalidating mailed links.

Lock order, against deadlocks: user, then sessions by id, then refresh tokens. Services that call
`end_sessions_of` lock the user first.
"""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import may_administer, require
from users.accounts.services.lookup import get_self_for_update, get_user_for_update
from users.accounts.services.mailed_links import end_address_links_of
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import PasswordReset, PendingLogIn, Session
from users.authentication.policy import may_end_sessions


def end_sessions_of(user_id: UUID, *, actor: Actor, keep: UUID | None = None) -> int:
    """End a user's sessions except ``keep``, in the caller's transaction.

    Also ends pending log-ins and the user's impersonations of others. Returns the number of
    unexpired sessions. The caller has locked the user.
    """
    PendingLogIn.objects.filter(user_id=user_id).delete()
    sessions = Session.objects.get_user_sessions_for_update(user_id, keep=keep)
    Session.objects.filter(pk__in=[session.pk for session in sessions]).delete()
    for session in sessions:
        if session.impersonator_id:
            record_impersonation_end(session, actor=actor)
    return sum(session.expires_at > timezone.now() for session in sessions)


def end_links_of(user_id: UUID) -> None:
    """Invalidate a user's mailed password and address links, in the caller's transaction.

    They may have been requested by an attacker. The caller has locked the user.
    """
    PasswordReset.objects.filter(user_id=user_id).delete()
    end_address_links_of(user_id)


def record_impersonation_end(session: Session, *, actor: Actor) -> None:
    """Record the end of an impersonation."""
    record(
        Tag.IMPERSONATION_ENDED,
        actor=actor,
        subject_id=session.user_id,
        session=session.pk,
        began_at=session.created_at,
        ended_at=min(timezone.now(), session.expires_at),
    )


@transaction.atomic(durable=True)
def log_out(*, actor: Actor) -> None:
    """End the actor's session; without one, do nothing."""
    end_current_session(actor)


def end_current_session(actor: Actor) -> None:
    """End the actor's session, if any, in the caller's transaction."""
    session = Session.objects.get_for_update(pk=actor.session_id)
    if session is not None:
        _end(session, actor=actor)


@transaction.atomic(durable=True)
def revoke_session(session_id: UUID | None, *, actor: Actor) -> None:
    """End one of the actor's sessions or, as an administrator, a session of any user.

    Ending the actor's current session is recorded as a log-out. Raises `InputRejectedError` if
    there is no such session. A session that the actor may not end gets the same error, so that
    ids cannot be enumerated.
    """
    require(actor, may_end_sessions)
    sessions = Session.objects.unexpired()
    ownership = {} if may_administer(actor) else {"user_id": actor.user_id}
    session = sessions.get_for_update(pk=session_id, **ownership)
    if session is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("There is no such session."), ("session_id",))
        )
    _end(session, actor=actor)


@transaction.atomic(durable=True)
def revoke_other_sessions(*, actor: Actor) -> int:
    """End the actor's sessions except the current one; return their number.

    Raises `UnauthenticatedError` if the user is no longer active.
    """
    require(actor, may_end_sessions)
    return _revoke(get_self_for_update(actor.user_id).pk, actor=actor, keep=actor.session_id)


@transaction.atomic(durable=True)
def log_out_everywhere(*, actor: Actor) -> int:
    """End all sessions of the actor, including the current one; return their number.

    Raises `UnauthenticatedError` if the user is no longer active.
    """
    require(actor, may_end_sessions)
    return _revoke(get_self_for_update(actor.user_id).pk, actor=actor)


@transaction.atomic(durable=True)
def end_sessions(user_id: UUID | None, *, actor: Actor) -> int:
    """End all sessions of a user, as an administrator; return their number.

    Raises the policy's errors, and `InputRejectedError` if there is no such user.
    """
    require(actor, may_administer)
    return _revoke(get_user_for_update(user_id).pk, actor=actor)


def _end(session: Session, *, actor: Actor) -> None:
    """End a locked session and record the kind of end, in the caller's transaction."""
    Session.objects.filter(pk=session.pk).delete()
    if session.impersonator_id:
        record_impersonation_end(session, actor=actor)
    elif session.pk == actor.session_id:
        record(Tag.LOGGED_OUT, actor=actor, subject_id=session.user_id)
    else:
        record(Tag.SESSIONS_REVOKED, actor=actor, subject_id=session.user_id, count=1)


def _revoke(user_id: UUID, *, actor: Actor, keep: UUID | None = None) -> int:
    """End a locked user's sessions and record their number, in the caller's transaction."""
    count = end_sessions_of(user_id, actor=actor, keep=keep)
    if count:
        record(Tag.SESSIONS_REVOKED, actor=actor, subject_id=user_id, count=count)
    return count
