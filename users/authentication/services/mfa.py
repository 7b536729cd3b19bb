"""The second step of a log-in, and reauthentication."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from core.security.actor import Actor
from core.security.crypto import digest
from users.accounts.authentication_methods import CODE_AMR, PASSWORD_AMR, Method, accepted_methods
from users.accounts.errors import AccountErrorCode
from users.accounts.models import User
from users.accounts.services.lookup import get_self_for_update
from users.accounts.services.reauthentication import (
    check_own_password,
    reauthentication_required_error,
)
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.factors.webauthn import passkey_invalid_error, use_passkey
from users.authentication.models import PasskeyChallenge, PendingLogIn, Session
from users.authentication.services.end_sessions import end_current_session
from users.authentication.services.factors import ActingUser, get_acting_user, record_authentication
from users.authentication.services.recovery_codes import use_recovery_code
from users.authentication.services.sessions import (
    SignInResult,
    Transport,
    begin_session,
    renew_cookie,
)
from users.authentication.services.totp import code_invalid_error, use_totp_code
from users.authentication.sessions.known_devices import Device, issue_device_token
from users.authentication.throttling import (
    clear_codes,
    count_code,
    count_passkey,
    refund_passkey,
    unlock,
)

Purpose = PasskeyChallenge.Purpose


@dataclass(frozen=True, slots=True)
class AuthenticatorOutput:
    """A code, a password or a passkey's response (NIST SP 800-63B, section 3)."""

    method: Method
    text: str = ""
    answer: Mapping[str, Any] | None = None

    def invalid_error(self) -> InputRejectedError:
        """Return the error for an invalid output; it does not reveal the cause."""
        if self.method is Method.PASSKEY:
            return passkey_invalid_error("passkey")
        return code_invalid_error("totp" if self.method is Method.TOTP else "recovery_code")


def verify_second_factor(token: str, output: AuthenticatorOutput, *, actor: Actor) -> SignInResult:
    """Complete a pending log-in with a second factor.

    1. Look up the pending log-in; its token is short-lived and single-use.
    2. Count the attempt: codes per user, since they can be guessed; passkeys per network.
    3. Verify the second factor. The event of a refusal is committed, and the token stays valid.
    4. Begin the session as `log_in` does.

    Raises `InputRejectedError` and `TooManyAttemptsError`.
    """
    user_id = get_pending_log_in(token).user_id
    _count(output, user_id, actor)
    with transaction.atomic(durable=True):
        user = User.objects.select_for_update().get(pk=user_id)
        # TOCTOU: read again under the lock, as a concurrent request may have used the token.
        pending = get_pending_log_in(token)
        amr = _verify_factor(user, output, Purpose.SECOND_FACTOR, actor=actor, log_in=pending)
        signed_in = None
        if amr:
            pending.delete()
            end_current_session(actor)
            signed_in = begin_session(
                user,
                actor=actor,
                transport=Transport(pending.transport),
                amr=[*PASSWORD_AMR, *amr],
                has_factor=True,
            )
    if signed_in is None:
        raise output.invalid_error()
    _clear_attempts(output, user_id, actor)
    unlock(user, device_id=pending.device_id)
    known = Device(user.pk, pending.device_id, b"") if pending.device_id else None
    return replace(signed_in, device_token=issue_device_token(user, known=known))


@dataclass(frozen=True, slots=True)
class ReauthenticatedSession:
    """The updated session and a cookie session's new secret, which is shown once."""

    session: Session
    cookie: str | None


def reauthenticate(output: AuthenticatorOutput, *, actor: Actor) -> ReauthenticatedSession:
    """Reauthenticate the user of the current session, for sensitive operations.

    A user with a second factor cannot reauthenticate by password. A cookie session gets a new
    secret. Raises `InputRejectedError`, `TooManyAttemptsError`, `ReauthenticationRequiredError`
    for an insufficient method, and the policy's errors.
    """
    acting_user = get_acting_user(actor)
    user_id = acting_user.user_id
    factors = User.objects.values_list("second_factors", flat=True).get(pk=user_id)
    if output.method.name not in accepted_methods(factors):
        raise reauthentication_required_error(factors)
    if output.method is Method.PASSWORD:
        check_own_password(user_id, output.text, actor=acting_user.actor, field="password")
    else:
        _count(output, user_id, actor)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        amr = _verify_again(user, output, actor=acting_user.actor)
        renewed = _renew_session(acting_user, output, amr) if amr else None
    if renewed is None and output.method is Method.PASSWORD:
        raise reauthentication_required_error(user.second_factors)
    if renewed is None:
        raise output.invalid_error()
    if output.method is not Method.PASSWORD:
        _clear_attempts(output, user_id, actor)
    return renewed


def _count(output: AuthenticatorOutput, user_id: UUID, actor: Actor) -> None:
    """Count a second factor attempt. Raises `TooManyAttemptsError`."""
    if output.method is Method.PASSKEY:
        count_passkey(actor)
    else:
        count_code(user_id)


def _clear_attempts(output: AuthenticatorOutput, user_id: UUID, actor: Actor) -> None:
    """Clear the counted attempts after a valid second factor."""
    if output.method is Method.PASSKEY:
        refund_passkey(actor)
    else:
        clear_codes(user_id)


def _verify_again(user: User, output: AuthenticatorOutput, *, actor: Actor) -> list[str] | None:
    if output.method is Method.PASSWORD:
        # TOCTOU: a concurrent request may have added a second factor.
        return None if user.second_factors else [*PASSWORD_AMR]
    session = Session.objects.get_for_update(pk=actor.session_id)
    return _verify_factor(user, output, Purpose.REAUTHENTICATION, actor=actor, session=session)


def _renew_session(
    acting_user: ActingUser, output: AuthenticatorOutput, amr: list[str]
) -> ReauthenticatedSession:
    session = record_authentication(
        acting_user.session_id, amr, is_factor=output.method is not Method.PASSWORD
    )
    cookie = renew_cookie(session.pk)
    record(
        Tag.REAUTHENTICATED,
        actor=acting_user.actor,
        subject_id=acting_user.user_id,
        method=output.method.value,
    )
    return ReauthenticatedSession(session, cookie)


def _verify_factor(  # noqa: PLR0913 - a challenge is bound to a session or a log-in
    user: User,
    output: AuthenticatorOutput,
    purpose: Purpose,
    *,
    actor: Actor,
    session: Session | None = None,
    log_in: PendingLogIn | None = None,
) -> list[str] | None:
    """Verify and consume a locked user's second factor; return its `amr`, or None if invalid.

    The caller must commit its transaction in both cases.
    """
    amr: list[str] | None = None
    if output.method is Method.TOTP:
        amr = [*CODE_AMR] if use_totp_code(user.pk, output.text) else None
    elif output.method is Method.RECOVERY_CODE:
        amr = [*CODE_AMR] if use_recovery_code(user.pk, output.text, actor=actor) else None
    elif output.method is Method.PASSKEY:
        used = use_passkey(
            output.answer or {}, purpose, session=session, log_in=log_in, user_id=user.pk
        )
        amr = used.amr if used else None
    tag = Tag.FACTOR_USED if amr else Tag.FACTOR_REFUSED
    record(tag, actor=actor, subject_id=user.pk, method=output.method.value)
    return amr


def get_pending_log_in(token: str) -> PendingLogIn:
    """Return the pending log-in of an active user. Raises `InputRejectedError`."""
    pending: PendingLogIn | None = PendingLogIn.objects.filter(
        digest=digest(token), user__is_active=True
    ).first()
    if pending is None:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.TOKEN_INVALID,
                _("This sign-in was already completed or is no longer valid. Sign in again."),
                ("mfa_token",),
            )
        )
    if pending.expires_at <= timezone.now():
        raise InputRejectedError(
            Problem(
                AccountErrorCode.TOKEN_EXPIRED,
                _("This sign-in has expired. Sign in again."),
                ("mfa_token",),
            )
        )
    return pending
