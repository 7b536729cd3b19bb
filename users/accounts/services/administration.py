"""What administrators do to accounts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import canonical_login
from users.accounts.models import User
from users.accounts.policy import (
    may_administer,
    may_administer_groups,
    may_administer_users,
    may_edit_profile,
    require,
)
from users.accounts.services.create_user import (
    check_identifiers,
    check_new_account,
    insert_user,
    save_identifiers,
)
from users.accounts.services.grants import write_rights
from users.accounts.services.groups import lock_groups
from users.accounts.services.lookup import get_target_for_update, get_user_for_update
from users.accounts.services.mailed_links import end_address_links_of
from users.accounts.services.permissions import lock_permissions
from users.accounts.services.profile import check_profile, write_profile
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.set_change import SetChange
from users.activity.services.record import record
from users.activity.tags import Tag

IDENTIFIERS = ("email", "username")
FLAGS = ("is_staff", "is_superuser")
NOTHING: Mapping[str, Any] = MappingProxyType({})


@transaction.atomic(durable=True)
def create_user(  # noqa: PLR0913 - what an account consists of
    *,
    actor: Actor,
    email: str,
    username: str,
    password: str,
    name: str = "",
    locale: str = "en",
    is_email_verified: bool = False,
    **flags: bool,
) -> User:
    """Create a person, with any of `FLAGS` set, who can log in at once.

    Whom a token creates has no flags, lest whoever has it sign in as an administrator. Raises
    `InputRejectedError` and the policy's errors.
    """
    require(actor, may_administer if any(flags.values()) else may_administer_users)
    require_recent_authentication(actor)
    identity = check_new_account(
        email=email, username=username, password=password, name=name, locale=locale
    )
    user = User(
        email=identity.email,
        email_verified_at=timezone.now() if is_email_verified else None,
        username=identity.username,
        name=name,
        **flags,
    )
    user.set_password(password)
    insert_user(user, locale=locale)
    record(Tag.USER_CREATED, actor=actor, subject_id=user.pk)
    return user


@transaction.atomic(durable=True)
def change_user(  # noqa: PLR0913 - what can be changed together
    user_id: UUID,
    *,
    actor: Actor,
    identifiers: Mapping[str, str] = NOTHING,
    profile: Mapping[str, Any] = NOTHING,
    flags: Mapping[str, bool] = NOTHING,
    groups: SetChange | None = None,
    permissions: SetChange | None = None,
) -> User:
    """Change what a person is called, the profile as `update_profile` does, and the rights.

    ``identifiers`` may have `IDENTIFIERS`, ``flags`` any of `FLAGS`; ``permissions`` are the
    person's own, besides those of the groups. All of it happens or nothing. What is not given
    stays; what is given and equal writes nothing. All but the profile is for administrators,
    even unchanged. Raises the policy's errors, and `InputRejectedError` for a bad value or if
    nobody would be left to administer.
    """
    require(actor, may_edit_profile, user_id)
    if identifiers or flags:
        require(actor, may_administer)
    if groups is not None or permissions is not None:
        require(actor, may_administer_groups)
    if identifiers or flags or groups is not None or permissions is not None:
        require_recent_authentication(actor)
    check_profile(profile)
    canonical_identifiers = _canonical(identifiers, user_id=user_id)
    if user_id == actor.user_id:
        _require_step_up_for_self(actor, canonical_identifiers)
    # Before the users, as `rights` says.
    lock_permissions(permissions.referenced if permissions else ())
    lock_groups(groups.referenced if groups else ())
    require_another_administrator(user_id, flags, field="is_superuser")
    user = get_target_for_update(user_id, actor=actor)
    _write_identifiers(user, actor=actor, identifiers=canonical_identifiers)
    write_profile(user, actor=actor, changes=profile)
    _write_flags(user, actor=actor, flags=flags)
    if groups is not None:
        tag = Tag.USER_GROUPS_CHANGED
        write_rights(user, tag, groups, actor=actor, held=user.groups)
    if permissions is not None:
        tag = Tag.USER_PERMISSIONS_CHANGED
        write_rights(user, tag, permissions, actor=actor, held=user.user_permissions)
    return user


@transaction.atomic(durable=True)
def verify_user_email(user_id: UUID, *, actor: Actor) -> User:
    """Vouch for a person's address; for one that is verified, nothing happens.

    Raises `InputRejectedError` if there is no such person, and the policy's errors.
    """
    require(actor, may_administer_users)
    user = get_user_for_update(user_id)
    if user.email_verified_at is None:
        user.email_verified_at = timezone.now()
        user.save(update_fields=["email_verified_at"])
        record(Tag.EMAIL_VERIFIED, actor=actor, subject_id=user_id)
    return user


def require_another_administrator(
    user_id: UUID, flags: Mapping[str, bool], *, field: str | None
) -> None:
    """Refuse flags, ``is_active`` among them, that leave nobody to administer.

    Flags that may take the role away lock the administrators until the end of the transaction:
    two who take each other's role away at once come here one after the other. Raises
    `InputRejectedError` about ``field``, or about nothing in particular.
    """
    if flags.get("is_active", True) and flags.get("is_superuser", True):
        return
    administrators = User.objects.administrators().order_by("pk").select_for_update()
    if list(administrators.values_list("pk", flat=True)) == [user_id]:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.LAST_ADMINISTRATOR,
                _("This is the last administrator. Make somebody else one first."),
                (field,) if field else (),
            )
        )


def _canonical(identifiers: Mapping[str, str], *, user_id: UUID) -> dict[str, str]:
    """Do what `check_identifiers` does, but let an address stay that earlier rules accepted.

    Forms hand in what they show, changed or not. Raises `InputRejectedError`.
    """
    try:
        return check_identifiers(identifiers)
    except InputRejectedError:
        stored = canonical_login(identifiers.get("email", ""))
        if not User.objects.filter(pk=user_id, email=stored).exists():
            raise
        others = {name: value for name, value in identifiers.items() if name != "email"}
        return {"email": stored, **check_identifiers(others)}


def _require_step_up_for_self(actor: Actor, identifiers: Mapping[str, str]) -> None:
    """Have administrators prove that it is them, like everybody, to change their own."""
    own = User.objects.values(*IDENTIFIERS).get(pk=actor.user_id)
    problems = [
        Problem(
            GenericErrorCode.VALUE_INVALID,
            _("Your own is changed with your password: see requestEmailChange, changeUsername."),
            (name,),
        )
        for name, value in identifiers.items()
        if own[name] != value
    ]
    if problems:
        raise InputRejectedError(*problems)


def _write_flags(user: User, *, actor: Actor, flags: Mapping[str, bool]) -> None:
    """Write checked flags to a locked person, in the caller's transaction."""
    old, new = {name: getattr(user, name) for name in flags}, dict(flags)
    if old == new:
        return
    User.objects.filter(pk=user.pk).update(
        **new, authorization_version=F("authorization_version") + 1
    )
    record(Tag.USER_CHANGED, actor=actor, subject_id=user.pk, old=old, new=new)


def _write_identifiers(user: User, *, actor: Actor, identifiers: Mapping[str, str]) -> None:
    """Write checked identifiers to a locked person, in the caller's transaction.

    An address that an administrator enters is not verified. Raises `InputRejectedError` if an
    identifier is taken, or a service account is to have an address.
    """
    old = {name: getattr(user, name) for name in identifiers}
    changed = [name for name, new in identifiers.items() if old[name] != new]
    for name in changed:
        setattr(user, name, identifiers[name])
    if "email" in changed and user.is_service:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.EMAIL_INVALID, _("A service account has no mailbox."), ("email",)
            )
        )
    if "email" in changed:
        user.set_email(user.email, verified_at=None)
    if not changed:
        return
    save_identifiers(user)
    if "email" in changed:
        # What was asked for before would undo it (unexpired e-mail change): often it is how an
        # account is given back to its owner.
        end_address_links_of(user.pk)
    for name in changed:
        record(
            Tag.EMAIL_CHANGED if name == "email" else Tag.USERNAME_CHANGED,
            actor=actor,
            subject_id=user.pk,
            personal={"old": {name: old[name]}, "new": {name: identifiers[name]}},
        )
