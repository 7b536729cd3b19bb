"""Signing in, and refreshing tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.bulkhead import EXPENSIVE
from core.database.rows import PreparedQuery, insert, update
from core.database.transactions import pipelined
from core.errors import InputRejectedError, Problem, ServiceBusyError, TooManyAttemptsError
from core.security.actor import Actor
from core.security.crypto import decrypt_with_secret, digest, encrypt_with_secret, new_secret
from users.accounts.authentication_methods import MULTIPLE, PASSWORD_AMR, Method, accepted_methods
from users.accounts.errors import AccountErrorCode
from users.accounts.models import User
from users.accounts.services.lookup import get_by_login, get_decoy
from users.accounts.services.reauthentication import verify_password
from users.accounts.services.stored_passwords import NO_PASSWORD, check_stored_password
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.models import PendingLogIn, RefreshToken, Session
from users.authentication.services.end_sessions import end_current_session, record_impersonation_end
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.sessions.credentials import session_actor
from users.authentication.sessions.expiry import extended_expiry, idle_expiry
from users.authentication.sessions.known_devices import issue_device_token, read_device_token
from users.authentication.throttling import LogInAttempt, log_in_attempt

SUCCESSOR: Final = "refresh-token-successor"


class Transport(Enum):
    """How the client presents the session: as bearer tokens or a cookie."""

    TOKEN = "token"  # noqa: S105 - a name, not a secret
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInResult:
    """A new session and its secrets, which are shown once."""

    session: Session
    access_token: str | None = None
    refresh_token: str | None = None
    cookie: str | None = None
    device_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorPending:
    """A log-in with a correct password that still requires a second factor.

    ``token`` is shown once. It only gives access to the second step, by one of the ``methods``,
    until ``expires_at``.
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
    """Sign in a user by e-mail address or username, and password.

    1. Count the attempt on the login. `TooManyAttemptsError` is raised before any lookup.
    2. Count the attempt on the account and check the password. A wrong password, an unknown login,
       an inactive user and a throttled account get the same response after the same work, against
       a timing side channel. The event is committed before `InputRejectedError` is raised.
    3. Replace the request's session, if any, with a new one and clear the counted attempts. If the
       user has a second factor, no session begins: see `verify_second_factor`.

    An attempt with the ``device_token`` of an earlier log-in has a rate limit of its own. While too
    many passwords are verified, raises `ServiceBusyError`, and the attempt does not count.
    """
    # In a storm, most attempts are refused, which must cost little.
    EXPENSIVE.require_room()
    device = read_device_token(device_token)
    attempt = log_in_attempt(login, actor=actor, device=device)
    _count(attempt, login, actor=actor)
    user = get_by_login(login)
    user_id = user.pk if user else None
    is_within_limit = attempt.count_on_account(user_id)
    try:
        is_correct = _is_password_correct(user, password, decoy=get_decoy(login))
    except ServiceBusyError:
        attempt.refund(user_id, is_on_account=is_within_limit)
        raise
    with pipelined():
        locked = _get_user_for_sign_in(user) if user and is_correct and is_within_limit else None
        signed_in: SignInResult | SecondFactorPending | None = None
        if locked is None:
            # The response hides the throttling; the audit trail shows it.
            reason: dict[str, Any] = {} if is_within_limit else {"throttled": True}
            record(Tag.LOG_IN_REFUSED, actor=actor, subject_id=user_id, **reason)
        elif locked.second_factors:
            device_id = device.id if device and device.user_id == locked.pk else None
            signed_in = _create_pending_log_in(locked, transport=transport, device_id=device_id)
        else:
            end_current_session(actor)
            signed_in = begin_session(locked, actor=actor, transport=transport, amr=PASSWORD_AMR)
    if signed_in is None:
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.CREDENTIALS_INVALID,
                _("The login or the password is incorrect."),
                ("login",),
            )
        )
    if isinstance(signed_in, SecondFactorPending):
        attempt.refund(user_id, is_on_account=True)
        return signed_in
    attempt.clear_failures(signed_in.session.user_id)
    token = issue_device_token(signed_in.session.user, known=device)
    return replace(signed_in, device_token=token)


def refresh_tokens(refresh_token: str, *, actor: Actor) -> SignInResult:
    """Exchange a single-use refresh token for a new pair of tokens.

    Within `settings.REFRESH_GRACE` a used token returns the same successor again, for clients that
    send concurrent requests or lost the first response. Reuse after that indicates a stolen token:
    the session ends, committed before `InputRejectedError` is raised (RFC 9700, section 4.14.2).
    """
    with pipelined():
        session = _session_of_token_for_update.first(digest(refresh_token))
        signed_in = _exchange(session, refresh_token, actor=actor) if session else None
    if signed_in is None:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.TOKEN_INVALID,
                _("This refresh token is no longer valid. Sign in again."),
                ("refresh_token",),
            )
        )
    return signed_in


def _count(attempt: LogInAttempt, login: str, *, actor: Actor) -> None:
    """Count the attempt, and record a lockout once. Raises `TooManyAttemptsError`."""
    try:
        attempt.count()
    except TooManyAttemptsError:
        if attempt.is_new_lockout():
            with transaction.atomic(durable=True):
                user = get_by_login(login)
                record(Tag.LOG_IN_THROTTLED, actor=actor, subject_id=user.pk if user else None)
        raise


def _is_password_correct(user: User | None, password: str, *, decoy: User | None) -> bool:
    is_documented = password == settings.DEFAULT_DEMO_PASSWORD and not settings.DEMO
    if user is None or is_documented:
        # Timing side channel: do the same work as for an existing user.
        same_work = user or decoy
        check_stored_password(password, same_work.password if same_work else NO_PASSWORD)
        return False
    return verify_password(user, password)


def _get_user_for_sign_in(user: User) -> User | None:
    """Return the user, locked, if they are still active and the password is unchanged.

    The lock serializes this with concurrent password changes, factor enrollments and suspensions
    (TOCTOU): they come before and are seen here, or after and end the new session.
    """
    if not user.is_active:
        return None
    return _unchanged_user_for_update.first(user.pk, user.password)


@PreparedQuery
def _unchanged_user_for_update(user_id: Any, password: Any) -> QuerySet[User]:
    unchanged = User.objects.filter(pk=user_id, password=password, is_active=True)
    return unchanged.select_for_update(no_key=True)


def _create_pending_log_in(
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
    methods = [Method[name] for name in accepted_methods(user.second_factors)]
    return SecondFactorPending(token=token, methods=methods, expires_at=expires_at)


def begin_session(
    user: User, *, actor: Actor, transport: Transport, amr: Sequence[str], has_factor: bool = False
) -> SignInResult:
    """Begin a session of an authenticated, locked user, in the caller's transaction.

    ``has_factor`` is True after two factors, or a passkey, which counts as two.
    """
    cookie = new_secret() if transport is Transport.COOKIE else None
    now = timezone.now()
    session = Session(
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
    insert(session)
    record(Tag.LOGGED_IN, actor=session_actor(session, actor), subject_id=user.pk)
    if cookie:
        return SignInResult(session=session, cookie=cookie)
    return issue_tokens(session)


def renew_cookie(session_id: UUID | None) -> str | None:
    """Replace and return a cookie session's secret, in the caller's transaction.

    Returns None for token sessions, which have no secret of their own.
    """
    session = Session.objects.get_for_update(pk=session_id)
    if session is None or session.cookie_digest is None:
        return None
    cookie = new_secret()
    session.cookie_digest = digest(cookie)
    session.save(update_fields=["cookie_digest"])
    return cookie


def _exchange(session: Session, refresh_token: str, *, actor: Actor) -> SignInResult | None:
    """Exchange a token of a locked session; None if that is not allowed.

    Refused if the session began with a password only and the user now has a second factor, and if
    an impersonation is no longer active.
    """
    now = timezone.now()
    if not _is_usable(session):
        return None
    token = _refresh_token.get(session.pk, digest(refresh_token))
    if token.used_at is None:
        expires_at = extended_expiry(session)
        if not session.user.is_active or min(token.expires_at, expires_at) <= now:
            return None
        session.expires_at, session.last_seen_at = expires_at, now
        update(session, ["expires_at", "last_seen_at"])
        successor = _add_refresh_token(session)
        token.used_at = now
        token.successor = encrypt_with_secret(refresh_token, successor, purpose=SUCCESSOR)
        update(token, ["used_at", "successor"])
        return issue_tokens(session, successor)
    if now < token.used_at + settings.REFRESH_GRACE and token.successor is not None:
        if not session.user.is_active:
            return None
        successor = decrypt_with_secret(refresh_token, bytes(token.successor), purpose=SUCCESSOR)
        return issue_tokens(session, successor)
    Session.objects.filter(pk=session.pk).delete()
    record(Tag.REFRESH_TOKEN_REUSED, actor=actor, subject_id=session.user_id)
    if session.impersonator_id:
        record_impersonation_end(session, actor=actor)
    return None


@PreparedQuery
def _session_of_token_for_update(token_digest: Any) -> QuerySet[Session]:
    return Session.objects.for_update().filter(refresh_tokens__digest=token_digest)


@PreparedQuery
def _refresh_token(session_id: Any, token_digest: Any) -> QuerySet[RefreshToken]:
    return RefreshToken.objects.filter(session=session_id, digest=token_digest)


def _is_usable(session: Session) -> bool:
    if session.impersonator_id:
        return Session.objects.active().filter(pk=session.pk).exists()
    return session.factor_at is not None or not session.user.second_factors


def _add_refresh_token(session: Session) -> str:
    """Create a refresh token that expires with the session unless that is extended."""
    refresh_token = new_secret()
    insert(
        RefreshToken(session=session, digest=digest(refresh_token), expires_at=session.expires_at)
    )
    return refresh_token


def issue_tokens(session: Session, refresh_token: str | None = None) -> SignInResult:
    """Return the session with an access token and a refresh token.

    Without ``refresh_token`` one is created, in the caller's transaction.
    """
    return SignInResult(
        session=session,
        access_token=issue_access_token(session),
        refresh_token=refresh_token or _add_refresh_token(session),
    )
