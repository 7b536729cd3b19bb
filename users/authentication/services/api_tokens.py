"""Creating, rotating, renaming and revoking API tokens.

Creation and rotation require the actor's password: the new secret outlives the session.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast
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
from users.accounts.services.validation import Problems, clean_name_of, require_name
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.models import ApiToken
from users.authentication.policy import may_revoke_tokens
from users.authentication.services.overlap import check_overlap
from users.authentication.tokens.format import new_api_token
from users.scopes import Scope


@dataclass(frozen=True, slots=True)
class NewToken:
    """An API token and its secret, which is shown once."""

    api_token: ApiToken
    secret: str


def create_api_token(
    *, actor: Actor, name: str, scopes: Collection[Scope], days: int, password: str
) -> NewToken:
    """Create a token for the actor that expires after ``days``.

    Raises `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_change_credentials, actor.user_id)
    name = _check(name=name, scopes=scopes, days=days)
    _confirm(password, actor=actor)
    return _create(cast("UUID", actor.user_id), actor=actor, name=name, scopes=scopes, days=days)


def create_service_account_token(  # noqa: PLR0913 - the account and the token's fields
    user_id: UUID | None,
    *,
    actor: Actor,
    name: str,
    scopes: Collection[Scope],
    days: int,
    password: str,
) -> NewToken:
    """Create a token for a service account, confirmed by the administrator's password.

    Administrators cannot create tokens for other users. Raises `InputRejectedError`, also if there
    is no such active service account, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_administer)
    services = User.objects.service_accounts().filter(is_active=True)
    if user_id is None or not services.filter(pk=user_id).exists():
        raise service_account_not_found()
    name = _check(name=name, scopes=scopes, days=days)
    _confirm(password, actor=actor)
    return _create(user_id, actor=actor, name=name, scopes=scopes, days=days)


def rotate_api_token(
    token_id: UUID | None, *, actor: Actor, overlap: dt.timedelta, password: str
) -> NewToken:
    """Replace a token with a successor of the same name, scopes and lifetime.

    Both are valid during the ``overlap``; then the old token expires, or earlier if its own expiry
    comes first. A token has at most one successor, also under concurrent calls. Raises
    `InputRejectedError`, `TooManyAttemptsError` and the policy's errors.
    """
    candidate = _find(token_id, actor=actor)
    require(actor, _may_rotate, candidate.user)
    check_overlap(overlap)
    _confirm(password, actor=actor)
    with transaction.atomic(durable=True):
        owner = _get_owner_for_update(candidate.user_id)
        now = timezone.now()
        old = ApiToken.objects.filter(pk=candidate.pk).select_for_update().first()
        if old is None or old.expires_at <= now:
            raise _token_not_found()
        if old.rotated_at is not None:
            raise InputRejectedError(
                Problem(
                    AccountErrorCode.TOKEN_INVALID,
                    _("This API token was already rotated. Rotate its successor."),
                    ("token_id",),
                )
            )
        lifetime = old.expires_at - old.created_at
        old.rotated_at, old.expires_at = now, min(old.expires_at, now + overlap)
        old.save(update_fields=["rotated_at", "expires_at"])
        new = _insert(owner, name=old.name, scopes=old.scopes, lifetime=lifetime)
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
    """Rename a token; the same name is a no-op.

    Raises `InputRejectedError` for an invalid name or if there is no such token, and the policy's
    errors.
    """
    token = _get_for_update(token_id, actor=actor)
    name = require_name(ApiToken, name)
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
    """Revoke one of the actor's tokens or, as an administrator, a token of any user.

    Raises `InputRejectedError` if there is no such token, and the policy's errors.
    """
    _revoke(_get_for_update(token_id, actor=actor), actor=actor)


def revoke_api_tokens_of(user_id: UUID, *, actor: Actor, since: dt.datetime | None = None) -> None:
    """Revoke the API tokens of a user, or those created ``since`` then.

    The caller's transaction has locked the user.
    """
    tokens = ApiToken.objects.filter(user=user_id).order_by("pk")
    if since is not None:
        tokens = tokens.filter(created_at__gte=since)
    for token in tokens.select_for_update(of=("self",)):
        _revoke(token, actor=actor)


def service_account_not_found() -> InputRejectedError:
    """Return the error for an id that is not that of an active service account."""
    return InputRejectedError(
        Problem(
            GenericErrorCode.NOT_FOUND,
            _("There is no such service account."),
            ("service_account_id",),
        )
    )


def _revoke(token: ApiToken, *, actor: Actor) -> None:
    """Delete a locked token and record an event, in the caller's transaction."""
    token_id = token.pk
    token.delete()
    record(
        Tag.API_TOKEN_REVOKED,
        actor=actor,
        subject_id=token.user_id,
        personal={"name": token.name},
        token=token_id,
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
                    _("This account has too many API tokens. Revoke some first."),
                )
            )
        new = _insert(
            owner,
            name=name,
            scopes=[scope.value for scope in scopes],
            lifetime=dt.timedelta(days=days),
        )
        _record(Tag.API_TOKEN_CREATED, new.api_token, actor=actor)
    return new


def _get_owner_for_update(user_id: UUID) -> User:
    """Return the active owner, locked for update so that the limit holds (TOCTOU)."""
    owner = get_user_for_update(user_id)
    if not owner.is_active:
        raise _token_not_found()
    return owner


def _insert(owner: User, *, name: str, scopes: Collection[str], lifetime: dt.timedelta) -> NewToken:
    """Insert a token in the caller's transaction.

    `settings.API_TOKEN_MAX_DAYS` caps the lifetime, also that of a rotated token.
    """
    secret = new_api_token(for_service=owner.is_service)
    max_lifetime = dt.timedelta(days=settings.API_TOKEN_MAX_DAYS)
    token = ApiToken.objects.create(
        user=owner,
        name=name,
        digest=digest(secret),
        scopes=sorted(set(scopes)),
        expires_at=timezone.now() + min(lifetime, max_lifetime),
    )
    return NewToken(token, secret)


def _record(tag: Tag, token: ApiToken, *, actor: Actor, **data: Any) -> None:
    """Record the token's scopes and expiry; its name is erasable, its secret is not recorded."""
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
    """Return an active token that is visible to the actor. Raises `InputRejectedError`."""
    require(actor, may_revoke_tokens, actor.user_id)
    tokens = ApiToken.objects.visible_to(actor).active().select_related("user")
    token = tokens.filter(pk=token_id).first() if token_id else None
    if token is None:
        raise _token_not_found()
    return token


def _get_for_update(token_id: UUID | None, *, actor: Actor) -> ApiToken:
    """Return the token that `_find` returns, locked for update."""
    candidate = _find(token_id, actor=actor)
    require(actor, may_revoke_tokens, candidate.user_id)
    token = ApiToken.objects.filter(pk=candidate.pk).select_for_update().first()
    if token is None:
        raise _token_not_found()
    return token


def _may_rotate(actor: Actor, owner: User) -> bool:
    """Administrators may rotate tokens of service accounts; users, their own."""
    return may_administer(actor) if owner.is_service else may_change_credentials(actor, owner.pk)


def _token_not_found() -> InputRejectedError:
    return InputRejectedError(
        Problem(GenericErrorCode.NOT_FOUND, _("There is no such API token."), ("token_id",))
    )


def _check(*, name: str, scopes: Collection[Scope], days: int) -> str:
    """Validate a new token's fields, and return its name. Raises `InputRejectedError`."""
    problems = Problems()
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        name = clean_name_of(ApiToken, "name", name)
    if not scopes:
        problems.found.append(
            Problem(GenericErrorCode.VALUE_INVALID, _("Choose at least one scope."), ("scopes",))
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
    return name
