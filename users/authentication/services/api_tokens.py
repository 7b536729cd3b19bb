"""Making, rotating, renaming and revoking API tokens.

A new secret takes the actor's password again, because it outlives the session that asked for it.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from core.security.crypto import digest
from users.accounts.errors import AccountErrorCode
from users.accounts.models import User
from users.accounts.policy import may_administer, may_change_credentials, require
from users.accounts.services.lookup import get_user_for_update
from users.accounts.services.reauthentication import confirm_password
from users.accounts.services.validation import Problems, check_field
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.models import ApiToken
from users.authentication.policy import may_revoke_tokens
from users.authentication.tokens.format import new_api_token
from users.scopes import Scope

MAX_OVERLAP: Final = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewToken:
    """An API token and its secret, which exists in clear text only here."""

    api_token: ApiToken
    secret: str


def create_api_token(
    *, actor: Actor, name: str, scopes: Collection[Scope], days: int, password: str
) -> NewToken:
    """Make a token that speaks for the actor within the scopes, for so many days.

    Raises `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_change_credentials, actor.user_id)
    _check(name=name, scopes=scopes, days=days)
    _confirm(password, actor=actor)
    return _create(cast("UUID", actor.user_id), actor=actor, name=name, scopes=scopes, days=days)


def create_service_account_token(  # noqa: PLR0913 - whose, and what a token consists of
    user_id: UUID | None,
    *,
    actor: Actor,
    name: str,
    scopes: Collection[Scope],
    days: int,
    password: str,
) -> NewToken:
    """Make a token that speaks for a program, as an administrator, with the own password.

    Nobody makes one for another person. Raises `InputRejectedError`, also if there is no such
    service account, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_administer)
    services = User.objects.services().filter(is_active=True)
    if user_id is None or not services.filter(pk=user_id).exists():
        raise service_account_not_found()
    _check(name=name, scopes=scopes, days=days)
    _confirm(password, actor=actor)
    return _create(user_id, actor=actor, name=name, scopes=scopes, days=days)


def rotate_api_token(
    token_id: UUID | None, *, actor: Actor, overlap: dt.timedelta, password: str
) -> NewToken:
    """Give a token a successor of the same name, scopes and life time, starting now.

    Both work during the ``overlap``, then the former expires, or before if it was to anyway. A
    token has one successor, so two who rotate it at once do not fork it. Raises
    `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    seen = _find(token_id, actor=actor)
    require(actor, _may_rotate, seen.user)
    _check_overlap(overlap)
    _confirm(password, actor=actor)
    with transaction.atomic(durable=True):
        owner = _get_owner_for_update(seen.user_id)
        now = timezone.now()
        old = ApiToken.objects.filter(pk=seen.pk).select_for_update().first()
        if old is None or old.expires_at <= now:
            raise _token_not_found()
        if old.rotated_at is not None:
            raise InputRejectedError(
                Problem(
                    AccountErrorCode.TOKEN_INVALID,
                    _("This API token has a successor. Rotate that one."),
                    ("token_id",),
                )
            )
        life = old.expires_at - old.created_at
        old.rotated_at, old.expires_at = now, min(old.expires_at, now + overlap)
        old.save(update_fields=["rotated_at", "expires_at"])
        new = _insert(owner, name=old.name, scopes=old.scopes, life=life)
        _record(
            Tag.API_TOKEN_ROTATED,
            new.api_token,
            actor=actor,
            old=old.pk,
            old_expires=old.expires_at,
        )
    return new


@transaction.atomic(durable=True)
def rename_api_token(token_id: UUID | None, *, actor: Actor, name: str) -> ApiToken:
    """Call a token something else; the same name changes nothing.

    Raises `InputRejectedError` for a bad name or if there is no such token, and the policy's
    errors.
    """
    token = _get_for_update(token_id, actor=actor)
    _check_name(name)
    if token.name != name:
        old, token.name = token.name, name
        token.save(update_fields=["name"])
        record(
            Tag.API_TOKEN_RENAMED,
            actor=actor,
            subject_id=token.user_id,
            personal={"old": old, "new": name},
            token=token.pk,
        )
    return token


@transaction.atomic(durable=True)
def revoke_api_token(token_id: UUID | None, *, actor: Actor) -> None:
    """End a token at once, one's own or, for administrators, anybody's.

    Raises `InputRejectedError` if there is no such token, and the policy's errors.
    """
    _revoke(_get_for_update(token_id, actor=actor), actor=actor)


def revoke_api_tokens_of(user_id: UUID, *, actor: Actor) -> None:
    """End all API tokens of a user, in the caller's transaction, which has locked the user."""
    tokens = ApiToken.objects.filter(user=user_id).order_by("pk")
    for token in tokens.select_for_update(of=("self",)):
        _revoke(token, actor=actor)


def service_account_not_found() -> InputRejectedError:
    """Return the refusal of an id that is no service account's, or a deactivated one's."""
    return InputRejectedError(
        Problem(
            GenericErrorCode.NOT_FOUND,
            _("There is no such service account."),
            ("service_account_id",),
        )
    )


def _revoke(token: ApiToken, *, actor: Actor) -> None:
    """Remove a locked token, and record it, in the caller's transaction."""
    key = token.pk
    token.delete()
    record(
        Tag.API_TOKEN_REVOKED,
        actor=actor,
        subject_id=token.user_id,
        personal={"name": token.name},
        token=key,
    )


def _confirm(password: str, *, actor: Actor) -> None:
    own_id = cast("UUID", actor.user_id)
    confirm_password(own_id, password, actor=actor, field="password")


def _create(
    user_id: UUID, *, actor: Actor, name: str, scopes: Collection[Scope], days: int
) -> NewToken:
    with transaction.atomic(durable=True):
        owner = _get_owner_for_update(user_id)
        if owner.api_tokens.active().count() >= settings.API_TOKENS_PER_OWNER:
            raise InputRejectedError(
                Problem(
                    AuthenticationErrorCode.TOO_MANY_TOKENS,
                    _("There are too many API tokens. Revoke some."),
                )
            )
        life = dt.timedelta(days=days)
        new = _insert(owner, name=name, scopes=[scope.value for scope in scopes], life=life)
        _record(Tag.API_TOKEN_CREATED, new.api_token, actor=actor)
    return new


def _get_owner_for_update(user_id: UUID) -> User:
    """Lock the owner, who may still sign in, so that tokens made at once are counted."""
    owner = get_user_for_update(user_id)
    if not owner.is_active:
        raise _token_not_found()
    return owner


def _insert(owner: User, *, name: str, scopes: Collection[str], life: dt.timedelta) -> NewToken:
    """Add a token, in the caller's transaction; the setting of today bounds its life."""
    secret = new_api_token(for_service=owner.is_service)
    longest = dt.timedelta(days=settings.API_TOKEN_MAX_DAYS)
    token = ApiToken.objects.create(
        user=owner,
        name=name,
        digest=digest(secret),
        scopes=sorted(set(scopes)),
        expires_at=timezone.now() + min(life, longest),
    )
    return NewToken(token, secret)


def _record(tag: Tag, token: ApiToken, *, actor: Actor, **data: Any) -> None:
    """Record what a token is good for, and neither its name for good nor its secret at all."""
    record(
        tag,
        actor=actor,
        subject_id=token.user_id,
        personal={"name": token.name},
        token=token.pk,
        scopes=token.scopes,
        expires=token.expires_at,
        **data,
    )


def _find(token_id: UUID | None, *, actor: Actor) -> ApiToken:
    """Return a token that works and that the actor sees. Raises `InputRejectedError`."""
    require(actor, may_revoke_tokens, actor.user_id)
    tokens = ApiToken.objects.visible_to(actor).active().select_related("user")
    token = tokens.filter(pk=token_id).first() if token_id else None
    if token is None:
        raise _token_not_found()
    return token


def _get_for_update(token_id: UUID | None, *, actor: Actor) -> ApiToken:
    """Return the same, locked until the caller's transaction ends."""
    seen = _find(token_id, actor=actor)
    require(actor, may_revoke_tokens, seen.user_id)
    token = ApiToken.objects.filter(pk=seen.pk).select_for_update().first()
    if token is None:
        raise _token_not_found()
    return token


def _may_rotate(actor: Actor, owner: User) -> bool:
    """Administrators rotate the tokens of service accounts, users their own."""
    return may_administer(actor) if owner.is_service else may_change_credentials(actor, owner.pk)


def _token_not_found() -> InputRejectedError:
    return InputRejectedError(
        Problem(GenericErrorCode.NOT_FOUND, _("There is no such API token."), ("token_id",))
    )


def _check(*, name: str, scopes: Collection[Scope], days: int) -> None:
    """Raise `InputRejectedError` unless a token may be like that."""
    problems = Problems()
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        check_field(ApiToken, "name", name)
    if not scopes:
        problems.found.append(
            Problem(GenericErrorCode.VALUE_INVALID, _("Choose one scope at least."), ("scopes",))
        )
    if not 1 <= days <= settings.API_TOKEN_MAX_DAYS:
        problems.found.append(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Choose 1 to %(max)d days.") % {"max": settings.API_TOKEN_MAX_DAYS},
                ("expires_in_days",),
            )
        )
    problems.refuse_any()


def _check_name(name: str) -> None:
    problems = Problems()
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        check_field(ApiToken, "name", name)
    problems.refuse_any()


def _check_overlap(overlap: dt.timedelta) -> None:
    """Raise `InputRejectedError` unless both tokens may work for so long."""
    if not dt.timedelta(0) <= overlap <= MAX_OVERLAP:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Choose 0 to %(max)d minutes.") % {"max": MAX_OVERLAP // dt.timedelta(minutes=1)},
                ("overlap_minutes",),
            )
        )
