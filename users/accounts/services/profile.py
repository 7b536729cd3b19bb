"""Changes of profiles."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.database.rows import PreparedQuery, update
from core.database.transactions import pipelined
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.models import PROFILE_FIELDS, Profile, User
from users.accounts.policy import may_edit_profile, require
from users.accounts.services.lookup import get_target_for_update
from users.accounts.services.validation import (
    Problems,
    check_field,
    check_time_zone,
    check_website,
    clean_name_of,
    match_locale,
)
from users.activity.services.record import record
from users.activity.tags import Tag

USER_FIELDS = ("name", "is_public")
NAME_FIELDS = ("name", "given_name", "family_name", "nickname")


@pipelined()
def update_profile(user_id: UUID, *, actor: Actor, **changes: Any) -> User:
    """Change the given fields of a user and the profile.

    ``changes`` may have `USER_FIELDS` and `PROFILE_FIELDS`. Unchanged values write nothing and
    record no event. Raises `InputRejectedError` and the policy's errors.
    """
    require(actor, may_edit_profile, user_id)
    changes = clean_profile(changes)
    user = get_target_for_update(user_id, actor=actor)
    write_profile(user, actor=actor, changes=changes)
    return user


def write_profile(user: User, *, actor: Actor, changes: Mapping[str, Any]) -> None:
    """Write validated ``changes`` to a locked user, in the caller's transaction.

    Raises `InputRejectedError` for a public service account.
    """
    if user.is_service and changes.get("is_public"):
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("A service account cannot be public."),
                ("is_public",),
            )
        )
    changed = _assign(user, {name: changes[name] for name in USER_FIELDS if name in changes})
    profile = _profile.get(user.pk)
    changed += _assign(profile, {name: changes[name] for name in PROFILE_FIELDS if name in changes})
    if changed:
        record(Tag.PROFILE_CHANGED, actor=actor, subject_id=user.pk, fields=changed)


def clean_profile(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of `write_profile`. Raises `InputRejectedError` with all problems."""
    problems, clean = Problems(), dict(changes)
    for name, value in changes.items():
        model = User if name in USER_FIELDS else Profile
        if name == "locale":
            with problems.of(name, AccountErrorCode.LOCALE_UNSUPPORTED):
                clean[name] = match_locale(value)
        elif name == "time_zone":
            with problems.of(name, AccountErrorCode.TIME_ZONE_UNKNOWN):
                check_time_zone(value)
        elif name in NAME_FIELDS:
            with problems.of(name, GenericErrorCode.VALUE_INVALID):
                clean[name] = clean_name_of(model, name, value)
        else:
            with problems.of(name, GenericErrorCode.VALUE_INVALID):
                check_field(model, name, value)
                if name == "website":
                    check_website(value)
    problems.refuse_any()
    return clean


def _assign(instance: User | Profile, values: dict[str, Any]) -> list[str]:
    changed = [name for name, value in values.items() if getattr(instance, name) != value]
    for name in changed:
        setattr(instance, name, values[name])
    if changed:
        update(instance, changed)
    return changed


@PreparedQuery
def _profile(user_id: Any) -> QuerySet[Profile]:
    return Profile.objects.filter(pk=user_id)
