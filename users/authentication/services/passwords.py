"""Changing a password, and getting a new one by mail.

Whoever writes a password or a reset locks the person first, so that two at once come one after
the other. Passwords are checked and hashed before that: a check may ask another service.
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
from users.accounts.services.validation import Problems, check_password_strength
from users.accounts.throttling import count_mail, count_token
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import PasswordReset
from users.authentication.services.api_tokens import revoke_api_tokens_of
from users.authentication.services.end_sessions import end_links_of, end_sessions_of
from users.authentication.services.sessions import renew_cookie
from users.authentication.throttling import unlock


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The person, and the new secret of a session in a cookie, which exists only here."""

    user: User
    cookie: str | None


def change_password(
    user_id: UUID, *, actor: Actor, current_password: str, new_password: str
) -> PasswordChange:
    """Change a person's own password, and sign them out everywhere else.

    1. Confirm the current password; a refusal is committed, and the attempts are counted.
    2. Check the new one.
    3. Write it, unless the current one was changed meanwhile: then it was the wrong one.

    Pending resets end as well, and a session in a cookie goes on with a new secret. Raises
    `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_change_credentials, user_id)
    seen = User.objects.get(pk=user_id)
    confirm_password(
        seen.pk,
        current_password,
        actor=actor,
        field="current_password",
    )
    password = _hash_new_password(new_password, user=seen)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        # Confirming may have hashed the same password anew, so another hash is looked at.
        if user.password != seen.password and not user.check_password(current_password):
            raise InputRejectedError(
                Problem(
                    AccountErrorCode.PASSWORD_WRONG,
                    _("This is not your current password."),
                    ("current_password",),
                )
            )
        ended = _write_password(user, password, actor=actor, keep=actor.session_id)
        cookie = renew_cookie(actor.session_id)
        record(Tag.PASSWORD_CHANGED, actor=actor, subject_id=user.pk, sessions=ended)
    return PasswordChange(user, cookie)


def request_password_reset(*, actor: Actor, email: str) -> None:
    """Have the owner of an address mailed a link to choose a new password.

    Known and unknown addresses take the same steps and get the same answer: it is a worker
    that finds out whether there is anybody to write to, see `prepare_password_reset`. Raises
    `InputRejectedError` for what is no address, and `TooManyAttemptsError`.
    """
    email = check_known_email(email)
    count_mail(actor, email)
    with transaction.atomic(durable=True):
        user_id = User.objects.with_address(email).values_list("pk", flat=True).first()
        address = EmailAddress.objects.filter(email=email).values_list("pk", flat=True).first()
        # Of a further address the row, because the primary one may be another by then.
        data: dict[str, Any] = {} if address is None else {"address": address}
        record(Tag.PASSWORD_RESET_REQUESTED, actor=actor, subject_id=user_id, **data)


@transaction.atomic(durable=True)
def prepare_password_reset(user_id: UUID, *, address_id: int | None = None) -> PasswordReset | None:
    """Return the reset to mail to an active person; None if there is nobody to write to.

    It is for the primary address, or for the further one that is given. One that still leads
    somewhere is prolonged and keeps its link, so that nobody can spoil it by asking for another.
    Any other is replaced: old links never revive.
    """
    people = User.objects.people().select_for_update()
    user = people.filter(pk=user_id, is_active=True).first()
    if user is None:
        return None
    further = dict(user.email_addresses.values_list("pk", "email"))
    email = user.email if address_id is None else further.get(address_id)
    if email is None:
        return None
    now = timezone.now()
    resets = PasswordReset.objects.filter(user=user)
    resets.exclude(email__in=[user.email, *further.values()], expires_at__gt=now).delete()
    reset, _created = PasswordReset.objects.update_or_create(
        user=user, email=email, defaults={"expires_at": now + settings.PASSWORD_RESET_TTL}
    )
    return reset


def reset_password(token: str, *, actor: Actor, new_password: str) -> User:
    """Give the reader of a mailed link a new password; the link works once.

    1. Count the attempt, and look whether the token opens anything.
    2. Check the new password; a weak one spends nothing.
    3. Write it, end all sessions, and claim the account if it was mailed to a primary address
       that nobody had verified: see `_claim_account`.
    4. Forget failed attempts to log in, so that a locked-out owner gets in.

    Raises `InputRejectedError` for a weak password and for a token that was never given out,
    was used, is too old, or was mailed to a former address or to somebody who is suspended;
    and `TooManyAttemptsError`.
    """
    count_token(actor)
    seen = _require_reset(token)
    password = _hash_new_password(new_password, user=seen.user)
    with transaction.atomic(durable=True):
        User.objects.select_for_update().filter(pk=seen.user_id).first()
        # Asked again, now that nobody else can spend it.
        reset = _require_reset(token)
        user = reset.user
        ended = _write_password(user, password, actor=actor)
        record(Tag.PASSWORD_RESET, actor=actor, subject_id=user.pk, sessions=ended)
        if user.email_verified_at is None and reset.email == user.email:
            _claim_account(user, actor=actor)
        clear_undeliverable(reset.email)
    unlock(user)
    return user


@transaction.atomic(durable=True)
def require_password_reset(user_id: UUID | None, *, actor: Actor) -> User:
    """Take a person's password away, sign them out everywhere, and mail them the way to another.

    Links that were mailed before lead nowhere. Even the last administrator may be made to: they
    get the mail, too, and `manage.py create_administrator` remains. A suspended person gets no
    mail and asks for a link once reactivated. Raises `InputRejectedError` if there is no such
    person, and the policy's errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    user = get_user_for_update(user_id)
    ended = _write_password(user, make_password(None), actor=actor)
    record(Tag.PASSWORD_RESET_FORCED, actor=actor, subject_id=user.pk, sessions=ended)
    return user


def _claim_account(user: User, *, actor: Actor) -> None:
    """Verify the primary address of a locked user, and end what opened the account before.

    Until now nobody had proved to be its owner, so its API tokens and secondary addresses may be a
    stranger's ("trojan identifiers"). Second factors are not removed by a mailbox alone: with one,
    the address stays unverified and everything else as it is, and whoever has no such factor
    cannot sign in. An administrator decides then (`reset_second_factors`).
    """
    if user.second_factors:
        return
    user.email_verified_at = timezone.now()
    user.save(update_fields=["email_verified_at"])
    record(Tag.EMAIL_VERIFIED, actor=actor, subject_id=user.pk)
    revoke_api_tokens_of(user.pk, actor=actor)
    remove_secondary_addresses(user, actor=actor)


def _hash_new_password(password: str, *, user: User) -> str:
    """Return the hash of a new password that is strong enough for this person."""
    problems = Problems()
    with problems.of("new_password", AccountErrorCode.PASSWORD_TOO_WEAK):
        check_password_strength(password, username=user.username, email=user.email, name=user.name)
    problems.refuse_any()
    return make_password(password)


def _write_password(user: User, password: str, *, actor: Actor, keep: UUID | None = None) -> int:
    """Write the hash to a locked person, and end what the former password opened.

    Returns how many sessions that were; the one to ``keep`` stays.
    """
    user.password = password
    user.save(update_fields=["password"])
    end_links_of(user.pk)
    return end_sessions_of(user.pk, actor=actor, keep=keep)


def _require_reset(token: str) -> PasswordReset:
    """Return what the token opens, with its person. Raises `InputRejectedError`."""
    resets = PasswordReset.objects.with_token(token).select_related("user")
    further = EmailAddress.objects.filter(user=OuterRef("user"), email=OuterRef("email"))
    is_theirs = Q(user__email=F("email")) | Q(Exists(further))
    reset: PasswordReset = require_link(resets.filter(is_theirs, user__is_active=True))
    return reset
