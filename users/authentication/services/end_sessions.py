"""Ending sessions: one, the others, all of a person; and the links that were mailed to one.

Whoever locks rows here goes from people to sessions, by id, to refresh tokens; so do the
services that call `end_sessions_of` with the person locked, and no two wait for each other.
"""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import may_administer, require
from users.accounts.services.lookup import get_user_for_update
from users.accounts.services.mailed_links import end_address_links_of
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import PasswordReset, PendingLogIn, Session
from users.authentication.policy import may_end_sessions


def end_sessions_of(user_id: UUID, *, actor: Actor, keep: UUID | None = None) -> int:
    """End the person's sessions but for the one to ``keep``, in the caller's transaction.

    What waits for a second factor to become one ends as well, and so does what the person does in
    somebody's name. Returns how many sessions that had not run out. A caller that locks the person
    does so before.
    """
    PendingLogIn.objects.filter(user_id=user_id).delete()
    sessions = Session.objects.get_user_sessions_for_update(user_id, keep=keep)
    Session.objects.filter(pk__in=[session.pk for session in sessions]).delete()
    for session in sessions:
        if session.impersonator_id:
            record_impersonation_end(session, actor=actor)
    return sum(session.expires_at > timezone.now() for session in sessions)


def end_links_of(user_id: UUID) -> None:
    """Have the links to a password or an address lead nowhere, in the caller's transaction.

    Whoever had them mailed may not be the person. The caller has locked that.
    """
    PasswordReset.objects.filter(user_id=user_id).delete()
    end_address_links_of(user_id)


def record_impersonation_end(session: Session, *, actor: Actor) -> None:
    """Record that nobody acts in the person's name through the session any more."""
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
    """End the actor's session; without one, nothing happens."""
    end_current_session(actor)


def end_current_session(actor: Actor) -> None:
    """End the actor's session, if there is one, in the caller's transaction."""
    session = Session.objects.get_for_update(pk=actor.session_id)
    if session is not None:
        _end(session, actor=actor)


@transaction.atomic(durable=True)
def revoke_session(session_id: UUID | None, *, actor: Actor) -> None:
    """End one of the actor's sessions or, for administrators, anybody's.

    The one that the actor acts through is logged out of. Raises `InputRejectedError` if there
    is no such session, or it is not the actor's to end: nobody learns which ids exist.
    """
    require(actor, may_end_sessions)
    sessions = Session.objects.filter(expires_at__gt=timezone.now())
    theirs = {} if may_administer(actor) else {"user_id": actor.user_id}
    session = sessions.get_for_update(pk=session_id, **theirs)
    if session is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("There is no such session."), ("session_id",))
        )
    _end(session, actor=actor)


@transaction.atomic(durable=True)
def revoke_other_sessions(*, actor: Actor) -> int:
    """End the actor's sessions but for the one acted through; return how many there were."""
    require(actor, may_end_sessions)
    return _revoke(actor.user_id, actor=actor, keep=actor.session_id)


@transaction.atomic(durable=True)
def log_out_everywhere(*, actor: Actor) -> int:
    """End all the actor's sessions, this one too; return how many there were."""
    require(actor, may_end_sessions)
    return _revoke(actor.user_id, actor=actor)


@transaction.atomic(durable=True)
def end_sessions(user_id: UUID | None, *, actor: Actor) -> int:
    """End all sessions of a person, as an administrator; return how many there were.

    Raises the policy's errors, and `InputRejectedError` if there is no such person.
    """
    require(actor, may_administer)
    return _revoke(get_user_for_update(user_id).pk, actor=actor)


def _end(session: Session, *, actor: Actor) -> None:
    """End a locked session, and record how, in the caller's transaction."""
    Session.objects.filter(pk=session.pk).delete()
    if session.impersonator_id:
        record_impersonation_end(session, actor=actor)
    elif session.pk == actor.session_id:
        record(Tag.LOGGED_OUT, actor=actor, subject_id=session.user_id)
    else:
        record(Tag.SESSIONS_REVOKED, actor=actor, subject_id=session.user_id, count=1)


def _revoke(user_id: UUID | None, *, actor: Actor, keep: UUID | None = None) -> int:
    """End sessions and remember how many, in the caller's transaction."""
    if user_id is None:
        return 0
    count = end_sessions_of(user_id, actor=actor, keep=keep)
    if count:
        record(Tag.SESSIONS_REVOKED, actor=actor, subject_id=user_id, count=count)
    return count
