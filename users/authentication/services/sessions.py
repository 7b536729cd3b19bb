"""Beginning and prolonging sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem, TooManyAttemptsError
from core.security.actor import Actor
from core.security.crypto import decrypt_with_secret, digest, encrypt_with_secret, new_secret
from users.accounts.authentication_methods import MULTIPLE, PASSWORD_AMR, Method, acceptable
from users.accounts.errors import AccountErrorCode
from users.accounts.models import User
from users.accounts.services.reauthentication import verify_password
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.models import PendingLogIn, RefreshToken, Session
from users.authentication.services.end_sessions import end_current_session, record_impersonation_end
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.sessions.credentials import actor_through
from users.authentication.sessions.expiry import extended_expiry, idle_expiry
from users.authentication.sessions.known_devices import issue_device_token, read_device_token
from users.authentication.throttling import LogInAttempt, log_in_attempt

SUCCESSOR: Final = "refresh-token-successor"


class Transport(Enum):
    """How the client will prove the session."""

    TOKEN = "token"  # noqa: S105 - a name, not a secret
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInResult:
    """A session and its secrets, which exist in clear text only here."""

    session: Session
    access_token: str | None = None
    refresh_token: str | None = None
    cookie: str | None = None
    device_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorPending:
    """A log-in whose password was right; ``token`` exists in clear text only here.

    It opens nothing but the second step, by one of the ``methods``, until ``expires_at``.
    """

    token: str
    methods: Sequence[Method]
    expires_at: datetime


def log_in(
    *,
    actor: Actor,
    login: str,
    password: str,
    transport: Transport,
    device_token: str | None = None,
) -> SignInResult | SecondFactorPending:
    """Begin a session for the person with this e-mail address or username.

    1. Count the attempt; `TooManyAttemptsError` comes before anything is looked at.
    2. Look at the password, and count the attempt for the account, whichever login was typed. A
       wrong one, an unknown login, a deactivated account and one that was tried too often get the
       same answer for the same work. The refusal's event is committed before
       `InputRejectedError` is raised.
    3. Begin the session in place of the one that the request came through, if any, and forget
       the attempts that led to it. Of somebody who has a second factor, none begins: the log-in
       waits for that, see `verify_second_factor`.

    A ``device_token`` of an earlier log-in to the account has the attempt counted apart.
    """
    device = read_device_token(device_token)
    attempt = log_in_attempt(login, actor=actor, device=device)
    _count(attempt, login, actor=actor)
    user = User.objects.with_login(login).first()
    user_id = user.pk if user else None
    has_room = attempt.count_on_account(user_id)
    is_right = _password_is_right(user, password)
    with transaction.atomic(durable=True):
        known = _get_user_for_sign_in(user) if user and is_right and has_room else None
        signed_in: SignInResult | SecondFactorPending | None = None
        if known is None:
            # Why a right password was refused is for those who read the trail.
            why: dict[str, Any] = {} if has_room else {"throttled": True}
            record(Tag.LOG_IN_REFUSED, actor=actor, subject_id=user_id, **why)
        elif known.second_factors:
            device_id = device.id if device and device.user_id == known.pk else None
            signed_in = _wait_for_factor(known, transport=transport, device_id=device_id)
        else:
            end_current_session(actor)
            signed_in = begin_session(known, actor=actor, transport=transport, amr=PASSWORD_AMR)
    if signed_in is None:
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.CREDENTIALS_INVALID,
                _("These credentials are not valid."),
                ("login",),
            )
        )
    if isinstance(signed_in, SecondFactorPending):
        attempt.refund_shared()
        return signed_in
    attempt.clear_failures(signed_in.session.user_id)
    token = issue_device_token(signed_in.session.user, known=device)
    return replace(signed_in, device_token=token)


def refresh_tokens(refresh_token: str, *, actor: Actor) -> SignInResult:
    """Trade a refresh token, which works once, for a new pair of tokens.

    Within `settings.REFRESH_GRACE` it buys the same successor again, for clients that send it
    twice at once or did not get the first answer. A token that comes later was copied: its
    session ends, and that is committed before `InputRejectedError` is raised (RFC 9700,
    section 4.14.2).
    """
    with transaction.atomic(durable=True):
        session = Session.objects.get_for_update(refresh_tokens__digest=digest(refresh_token))
        signed_in = _trade(session, refresh_token, actor=actor) if session else None
    if signed_in is None:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.TOKEN_INVALID,
                _("This refresh token is not valid any more. Log in again."),
                ("refresh_token",),
            )
        )
    return signed_in


def _count(attempt: LogInAttempt, login: str, *, actor: Actor) -> None:
    """Count the attempt. That the account is locked is remembered, and committed, once."""
    try:
        attempt.count()
    except TooManyAttemptsError:
        if attempt.is_new_lockout():
            with transaction.atomic(durable=True):
                user = User.objects.with_login(login).only("pk").first()
                record(Tag.LOG_IN_THROTTLED, actor=actor, subject_id=user.pk if user else None)
        raise


def _password_is_right(user: User | None, password: str) -> bool:
    is_documented = password == settings.DEFAULT_DEMO_PASSWORD and not settings.DEMO
    if user is None or is_documented:
        # The same work as for a password that is looked at.
        make_password(password)
        return False
    return verify_password(user, password)


def _get_user_for_sign_in(user: User) -> User | None:
    """Return the person if they may sign in with the password that was looked at.

    Locks the person. Whoever changes the password, sets up a second factor or shuts the person out
    at the same moment does so before, and it is seen here, or after, and ends the new session or
    what waits for a second factor with the others.
    """
    if not user.is_active:
        return None
    unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
    return unchanged.select_for_update(no_key=True).first()


def _wait_for_factor(
    user: User, *, transport: Transport, device_id: UUID | None
) -> SecondFactorPending:
    token, expires_at = new_secret(), timezone.now() + settings.PENDING_LOG_IN_TTL
    PendingLogIn.objects.create(
        user=user,
        digest=digest(token),
        transport=transport.value,
        device_id=device_id,
        expires_at=expires_at,
    )
    methods = [Method[name] for name in acceptable(user.second_factors)]
    return SecondFactorPending(token=token, methods=methods, expires_at=expires_at)


def begin_session(
    user: User, *, actor: Actor, transport: Transport, amr: Sequence[str], has_factor: bool = False
) -> SignInResult:
    """Begin a session of a locked person who proved to be it, in the caller's transaction.

    ``has_factor`` tells whether they did so by two factors, or by one that is two.
    """
    cookie = new_secret() if transport is Transport.COOKIE else None
    now = timezone.now()
    session = Session.objects.create(
        user=user,
        cookie_digest=digest(cookie) if cookie else None,
        user_agent=actor.user_agent,
        ip=actor.ip,
        expires_at=idle_expiry(now),
        methods=[*amr, MULTIPLE] if has_factor else [*amr],
        aal=2 if has_factor else 1,
        authenticated_at=now,
        factor_at=now if has_factor else None,
    )
    record(Tag.LOGGED_IN, actor=actor_through(session, actor), subject_id=user.pk)
    if cookie:
        return SignInResult(session=session, cookie=cookie)
    return with_tokens(session)


def renew_cookie(session_id: UUID | None) -> str | None:
    """Give a session in a cookie a new secret, in the caller's transaction, and return it.

    Other sessions have no secret of their own, and get none.
    """
    session = Session.objects.get_for_update(pk=session_id)
    if session is None or session.cookie_digest is None:
        return None
    cookie = new_secret()
    session.cookie_digest = digest(cookie)
    session.save(update_fields=["cookie_digest"])
    return cookie


def _trade(session: Session, refresh_token: str, *, actor: Actor) -> SignInResult | None:
    """Trade a token of a locked session; None if it buys nothing.

    One that was begun by the password alone buys nothing for somebody who has a second factor, nor
    does one of an administrator who may act in the person's name no more.
    """
    now = timezone.now()
    if not _is_usable(session):
        return None
    token = session.refresh_tokens.get(digest=digest(refresh_token))
    if token.used_at is None:
        runs_out = extended_expiry(session)
        if not session.user.is_active or min(token.expires_at, runs_out) <= now:
            return None
        session.expires_at, session.last_seen_at = runs_out, now
        session.save(update_fields=["expires_at", "last_seen_at"])
        successor = _add_refresh_token(session)
        token.used_at = now
        token.successor = encrypt_with_secret(refresh_token, successor, purpose=SUCCESSOR)
        token.save(update_fields=["used_at", "successor"])
        return with_tokens(session, successor)
    if now < token.used_at + settings.REFRESH_GRACE and token.successor is not None:
        if not session.user.is_active:
            return None
        successor = decrypt_with_secret(refresh_token, bytes(token.successor), purpose=SUCCESSOR)
        return with_tokens(session, successor)
    Session.objects.filter(pk=session.pk).delete()
    record(Tag.REFRESH_TOKEN_REUSED, actor=actor, subject_id=session.user_id)
    if session.impersonator_id:
        record_impersonation_end(session, actor=actor)
    return None


def _is_usable(session: Session) -> bool:
    if session.impersonator_id:
        return Session.objects.active().filter(pk=session.pk).exists()
    return session.factor_at is not None or not session.user.second_factors


def _add_refresh_token(session: Session) -> str:
    """Give the session one more token, which lasts as long as the session does by itself."""
    refresh_token = new_secret()
    RefreshToken.objects.create(
        session=session, digest=digest(refresh_token), expires_at=session.expires_at
    )
    return refresh_token


def with_tokens(session: Session, refresh_token: str | None = None) -> SignInResult:
    """Return the session with tokens; the first to refresh is made in the caller's transaction."""
    return SignInResult(
        session=session,
        access_token=issue_access_token(session),
        refresh_token=refresh_token or _add_refresh_token(session),
    )
