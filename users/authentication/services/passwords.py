"""Changing a password, and resetting it by mail.

Writes to passwords and resets are serialized by locking the user. Passwords are checked and hashed
before the lock is taken: hashing is slow, and a check may call another service.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.models import EmailAddress, User
from users.accounts.policy import may_administer, may_change_credentials, require
from users.accounts.services.create_user import check_known_email
from users.accounts.services.deliverability import clear_undeliverable
from users.accounts.services.email_addresses import remove_secondary_addresses
from users.accounts.services.lookup import get_self_for_update, get_user_for_update
from users.accounts.services.mailed_links import require_link
from users.accounts.services.reauthentication import confirm_password, require_recent_authentication
from users.accounts.services.stored_passwords import hash_password
from users.accounts.services.validation import Problems, check_password_strength
from users.accounts.throttling import count_reset, counts_token
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import PasswordReset
from users.authentication.services.api_tokens import revoke_api_tokens_of
from users.authentication.services.end_sessions import end_links_of, end_sessions_of
from users.authentication.services.remaining_access import remaining_access, revoke_access
from users.authentication.services.sessions import renew_cookie
from users.authentication.throttling import unlock


@dataclass(frozen=True, slots=True)
class CompletedReset:
    """The user whose password was reset, and what still gives access, by kind."""

    user: User
    remaining: dict[str, int]


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The user, and a cookie session's new secret, which is shown once."""

    user: User
    cookie: str | None


def change_password(
    user_id: UUID, *, actor: Actor, current_password: str, new_password: str
) -> PasswordChange:
    """Change the actor's own password and end their other sessions.

    1. Confirm the current password; attempts are counted, and a refusal's event is committed.
    2. Check the strength of the new password.
    3. Write it, unless a concurrent request changed the current password.

    Pending resets are invalidated, and a cookie session gets a new secret. Raises
    `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_change_credentials, user_id)
    snapshot = User.objects.get(pk=user_id)
    confirm_password(
        snapshot.pk,
        current_password,
        actor=actor,
        field="current_password",
    )
    password = _hash_new_password(new_password, user=snapshot)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        # TOCTOU: a different hash may be a rehash by `confirm_password`, so compare the password.
        if user.password != snapshot.password and not user.check_password(current_password):
            raise InputRejectedError(
                Problem(
                    AccountErrorCode.PASSWORD_WRONG,
                    _("This is not your current password."),
                    ("current_password",),
                )
            )
        ended = write_password(user, password, actor=actor, keep=actor.session_id)
        cookie = renew_cookie(actor.session_id)
        record(Tag.PASSWORD_CHANGED, actor=actor, subject_id=user.pk, sessions=ended)
    return PasswordChange(user, cookie)


def request_password_reset(*, actor: Actor, email: str) -> None:
    """Request a password reset link for the owner of an address.

    Known and unknown addresses take the same steps and get the same response, against a timing side
    channel: a worker decides whether to send a mail, see `prepare_password_reset`. Raises
    `InputRejectedError` for an invalid address, and `TooManyAttemptsError`.
    """
    email = check_known_email(email)
    count_reset(actor, email)
    with transaction.atomic(durable=True):
        user_id = User.objects.with_address(email).values_list("pk", flat=True).first()
        address = EmailAddress.objects.filter(email=email).values_list("pk", flat=True).first()
        # The id of a secondary address; the primary address may have changed when the worker runs.
        data: dict[str, Any] = {} if address is None else {"address": address}
        record(Tag.PASSWORD_RESET_REQUESTED, actor=actor, subject_id=user_id, **data)


@transaction.atomic(durable=True)
def prepare_password_reset(user_id: UUID, *, address_id: int | None = None) -> PasswordReset | None:
    """Return the reset to mail; None if its address is no longer valid.

    ``address_id`` is a secondary address, None the primary one. A valid reset is extended and keeps
    its link, so that a repeated request cannot invalidate it. An expired one is replaced: old links
    never become valid again.
    """
    users = User.objects.exclude_service_accounts().select_for_update()
    user = users.filter(pk=user_id, is_active=True).first()
    if user is None:
        return None
    secondary = dict(user.email_addresses.values_list("pk", "email"))
    email = user.email if address_id is None else secondary.get(address_id)
    if email is None:
        return None
    now = timezone.now()
    resets = PasswordReset.objects.filter(user=user)
    resets.exclude(email__in=[user.email, *secondary.values()], expires_at__gt=now).delete()
    reset, _created = PasswordReset.objects.update_or_create(
        user=user, email=email, defaults={"expires_at": now + settings.PASSWORD_RESET_TTL}
    )
    return reset


@counts_token
def reset_password(
    token: str, *, actor: Actor, new_password: str, revoke: bool = False
) -> CompletedReset:
    """Set a new password by the single-use token of a mailed link.

    1. Look up the token.
    2. Check the strength of the new password; a weak one leaves the token valid.
    3. Write it and end all sessions. If the link was mailed to an unverified primary address, claim
       the account: see `_claim_account`.
    4. With ``revoke``, revoke other access as `revoke_access` does; return what remains.
    5. Unlock the user, so that a locked-out owner can sign in.

    Raises `InputRejectedError` for a weak password and for a token that is unknown, used or
    expired, was mailed to a former address, or belongs to an inactive user; and
    `TooManyAttemptsError`.
    """
    snapshot = _require_reset(token)
    password = _hash_new_password(new_password, user=snapshot.user)
    with transaction.atomic(durable=True):
        User.objects.select_for_update().filter(pk=snapshot.user_id).first()
        # TOCTOU: read again under the lock, as a concurrent request may have used the token.
        reset = _require_reset(token)
        user = reset.user
        ended = write_password(user, password, actor=actor)
        record(Tag.PASSWORD_RESET, actor=actor, subject_id=user.pk, sessions=ended)
        if user.email_verified_at is None and reset.email == user.email:
            _claim_account(user, actor=actor)
        clear_undeliverable(reset.email)
        if revoke:
            revoke_access(user.pk, actor=actor)
        remaining = remaining_access(user.pk)
    unlock(user)
    return CompletedReset(user, remaining)


@transaction.atomic(durable=True)
def require_password_reset(user_id: UUID | None, *, actor: Actor) -> User:
    """Invalidate a user's password, end their sessions, and mail them a reset link.

    Links that were mailed before become invalid. The last administrator is not exempt: they get the
    mail, too, and `manage.py create_administrator` remains as a fallback. A suspended user gets no
    mail and can request a link once reactivated. Raises `InputRejectedError` if there is no such
    user, and the policy's errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    user = get_user_for_update(user_id)
    ended = write_password(user, make_password(None), actor=actor)
    record(Tag.PASSWORD_RESET_FORCED, actor=actor, subject_id=user.pk, sessions=ended)
    return user


def _claim_account(user: User, *, actor: Actor) -> None:
    """Verify a locked user's primary address, and revoke API tokens and secondary addresses.

    The address was unverified until now, so an attacker may have created the account and left API
    tokens or addresses in it (pre-hijacking, "trojan identifiers"). Access to a mailbox must not
    remove a second factor: if there is one, nothing changes, and an owner without that factor
    needs an administrator (`reset_second_factors`).
    """
    if user.second_factors:
        return
    user.email_verified_at = timezone.now()
    user.save(update_fields=["email_verified_at"])
    record(Tag.EMAIL_VERIFIED, actor=actor, subject_id=user.pk)
    revoke_api_tokens_of(user.pk, actor=actor)
    remove_secondary_addresses(user, actor=actor)


def _hash_new_password(password: str, *, user: User) -> str:
    """Check the strength of a new password and return its hash. Raises `InputRejectedError`."""
    problems = Problems()
    with problems.of("new_password", AccountErrorCode.PASSWORD_TOO_WEAK):
        check_password_strength(password, username=user.username, email=user.email, name=user.name)
    problems.refuse_any()
    return hash_password(password)


def write_password(user: User, password: str, *, actor: Actor, keep: UUID | None = None) -> int:
    """Write a locked user's password hash; end their sessions except ``keep``, and their links.

    Returns the number of ended sessions.
    """
    user.password = password
    user.save(update_fields=["password"])
    end_links_of(user.pk)
    return end_sessions_of(user.pk, actor=actor, keep=keep)


def _require_reset(token: str) -> PasswordReset:
    """Return the valid reset of the token, with its user. Raises `InputRejectedError`."""
    resets = PasswordReset.objects.with_token(token).select_related("user")
    secondary = EmailAddress.objects.filter(user=OuterRef("user"), email=OuterRef("email"))
    is_current_address = Q(user__email=F("email")) | Q(Exists(secondary))
    reset: PasswordReset = require_link(resets.filter(is_current_address, user__is_active=True))
    return reset
