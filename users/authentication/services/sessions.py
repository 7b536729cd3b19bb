"""Beginning, prolonging and ending sessions."""

from dataclasses import dataclass
from enum import Enum

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.actor import Actor
from core.crypto import digest, new_secret
from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import User
from users.activity.record import record
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session
from users.authentication.tokens import issue_access_token


class Transport(Enum):
    """How the client will prove the session."""

    TOKEN = "token"  # noqa: S105 - a name, not a secret
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session and its secrets, which exist in clear text only here."""

    session: Session
    access_token: str | None = None
    refresh_token: str | None = None
    cookie: str | None = None


def log_in(*, actor: Actor, login: str, password: str, transport: Transport) -> SignedIn:
    """Begin a session for the person with this e-mail address or username.

    A wrong password, an unknown login and a deactivated account get the same answer for the
    same work. The refusal's event is committed before `InputRejectedError` is raised.
    """
    with transaction.atomic(durable=True):
        user = User.objects.with_login(login).first()
        if _password_is_right(user, password) and user is not None and user.is_active:
            return _begin_session(user, actor=actor, transport=transport)
        record(Tag.LOG_IN_REFUSED, actor=actor, subject_id=user.pk if user else None)
    raise InputRejectedError(
        Problem(
            ErrorCode.CREDENTIALS_INVALID,
            _("These credentials are not valid."),
            ("login",),
        )
    )


@transaction.atomic(durable=True)
def log_out(*, actor: Actor) -> None:
    """End the actor's session; without one, nothing happens."""
    session = Session.objects.locked(pk=actor.session_id)
    if session is not None:
        session.delete()
        record(Tag.LOGGED_OUT, actor=actor, subject_id=actor.user_id)


def refresh_tokens(refresh_token: str, *, actor: Actor) -> SignedIn:
    """Trade a refresh token, which works once, for a new pair of tokens.

    A token that comes a second time was copied: its session ends, and that is committed
    before `InputRejectedError` is raised (RFC 9700, section 4.14.2).
    """
    with transaction.atomic(durable=True):
        session = Session.objects.locked(refresh_tokens__digest=digest(refresh_token))
        if session is not None:
            token = session.refresh_tokens.get(digest=digest(refresh_token))
            if token.used_at is not None:
                session.delete()
                record(Tag.REFRESH_TOKEN_REUSED, actor=actor, subject_id=session.user_id)
            elif token.expires_at > timezone.now() and session.user.is_active:
                token.used_at = timezone.now()
                token.save(update_fields=["used_at"])
                return _with_tokens(session)
    raise InputRejectedError(
        Problem(
            ErrorCode.TOKEN_INVALID,
            _("This refresh token is not valid any more. Log in again."),
            ("refresh_token",),
        )
    )


def _password_is_right(user: User | None, password: str) -> bool:
    is_documented = password == settings.DEFAULT_DEMO_PASSWORD and not settings.DEMO
    if user is None or is_documented:
        # The same work as for a password that is looked at.
        make_password(password)
        return False
    return user.check_password(password)


def _begin_session(user: User, *, actor: Actor, transport: Transport) -> SignedIn:
    cookie = new_secret() if transport is Transport.COOKIE else None
    session = Session.objects.create(
        user=user,
        cookie_digest=digest(cookie) if cookie else None,
        user_agent=actor.user_agent,
        expires_at=timezone.now() + settings.SESSION_TTL,
    )
    record(Tag.LOGGED_IN, actor=actor, subject_id=user.pk, session=session.pk)
    return SignedIn(session=session, cookie=cookie) if cookie else _with_tokens(session)


def _with_tokens(session: Session) -> SignedIn:
    refresh_token = new_secret()
    expires_at = timezone.now() + settings.REFRESH_TOKEN_TTL
    RefreshToken.objects.create(
        session=session, digest=digest(refresh_token), expires_at=expires_at
    )
    Session.objects.filter(pk=session.pk).update(expires_at=expires_at)
    return SignedIn(
        session=session,
        access_token=issue_access_token(session),
        refresh_token=refresh_token,
    )
