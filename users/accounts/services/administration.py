"""Administration of accounts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import canonical_login
from users.accounts.models import EmailReversal, User
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
from users.accounts.services.profile import clean_profile, write_profile
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.set_change import SetChange
from users.activity.services.record import record
from users.activity.tags import Tag

IDENTIFIERS = ("email", "username")
FLAGS = ("is_staff", "is_superuser")
UNCHANGED: Mapping[str, Any] = MappingProxyType({})


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
    """Create a user, optionally with `FLAGS`, who can sign in immediately.

    Flags require an interactive session: with an API token they would allow privilege escalation by
    signing in as the new administrator. Raises `InputRejectedError` and the policy's errors.
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
        name=identity.name,
        **flags,
    )
    user.set_password(password)
    insert_user(user, locale=identity.locale)
    record(Tag.USER_CREATED, actor=actor, subject_id=user.pk)
    return user


@transaction.atomic(durable=True)
def change_user(  # noqa: PLR0913 - what can be changed together
    user_id: UUID,
    *,
    actor: Actor,
    identifiers: Mapping[str, str] = UNCHANGED,
    profile: Mapping[str, Any] = UNCHANGED,
    flags: Mapping[str, bool] = UNCHANGED,
    groups: SetChange | None = None,
    permissions: SetChange | None = None,
) -> User:
    """Change a user's identifiers, profile, flags, groups and permissions in one transaction.

    ``identifiers`` may have `IDENTIFIERS`, ``profile`` the fields of `update_profile`, ``flags``
    any of `FLAGS`; ``permissions`` are those that the user holds directly. Missing and equal values
    write nothing. All but the profile require an administrator, even if unchanged. Raises the
    policy's errors, and `InputRejectedError` for an invalid value or if no administrator would be
    left.
    """
    require(actor, may_edit_profile, user_id)
    if identifiers or flags:
        require(actor, may_administer)
    if groups is not None or permissions is not None:
        require(actor, may_administer_groups)
    if identifiers or flags or groups is not None or permissions is not None:
        require_recent_authentication(actor)
    profile = clean_profile(profile)
    canonical_identifiers = _canonical(identifiers, user_id=user_id)
    if user_id == actor.user_id:
        _require_step_up_for_self(actor, canonical_identifiers)
    # Before the users: the deadlock order of `grants`.
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
    """Mark a user's primary address as verified; no-op if it is verified.

    Raises `InputRejectedError` if the user does not exist, and the policy's errors.
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
    """Raise `InputRejectedError` if ``flags`` would leave the service without an administrator.

    ``flags`` may have ``is_active``. Locks the administrators until the transaction ends if a flag
    may remove the role, so that two who demote each other at once are serialised (write skew). The
    error is about ``field``, or about no field if that is None.
    """
    if flags.get("is_active", True) and flags.get("is_superuser", True):
        return
    administrators = User.objects.administrators().order_by("pk").select_for_update()
    if list(administrators.values_list("pk", flat=True)) == [user_id]:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.LAST_ADMINISTRATOR,
                _("This is the last administrator. Make another user an administrator first."),
                (field,) if field else (),
            )
        )


def _canonical(identifiers: Mapping[str, str], *, user_id: UUID) -> dict[str, str]:
    """Return the canonical identifiers; accept the user's stored address as well.

    Forms submit unchanged values, and earlier rules may have accepted the address. Raises
    `InputRejectedError`.
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
    """Raise `InputRejectedError` if administrators change their own identifiers here.

    Users change their own with the password, administrators included.
    """
    stored = User.objects.values(*IDENTIFIERS).get(pk=actor.user_id)
    problems = [
        Problem(
            GenericErrorCode.VALUE_INVALID,
            _("Change your own with your password: see requestEmailChange, changeUsername."),
            (name,),
        )
        for name, value in identifiers.items()
        if stored[name] != value
    ]
    if problems:
        raise InputRejectedError(*problems)


def _write_flags(user: User, *, actor: Actor, flags: Mapping[str, bool]) -> None:
    """Write validated flags to a locked user, in the caller's transaction."""
    old, new = {name: getattr(user, name) for name in flags}, dict(flags)
    if old == new:
        return
    User.objects.filter(pk=user.pk).update(**new)
    record(Tag.USER_CHANGED, actor=actor, subject_id=user.pk, old=old, new=new)


def _write_identifiers(user: User, *, actor: Actor, identifiers: Mapping[str, str]) -> None:
    """Write validated identifiers to a locked user, in the caller's transaction.

    The new address is unverified. Raises `InputRejectedError` if an identifier is taken, or for an
    address of a service account.
    """
    old = {name: getattr(user, name) for name in identifiers}
    changed = [name for name, new in identifiers.items() if old[name] != new]
    for name in changed:
        setattr(user, name, identifiers[name])
    if "email" in changed and user.is_service:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.EMAIL_INVALID,
                _("A service account cannot have an e-mail address."),
                ("email",),
            )
        )
    if "email" in changed:
        user.set_email(user.email, verified_at=None)
    if not changed:
        return
    save_identifiers(user)
    if "email" in changed:
        # A pending e-mail change of an attacker, or the right of their former address, would undo
        # the change, which often returns a hijacked account to its owner.
        end_address_links_of(user.pk)
        EmailReversal.objects.filter(user=user).delete()
    for name in changed:
        record(
            Tag.EMAIL_CHANGED if name == "email" else Tag.USERNAME_CHANGED,
            actor=actor,
            subject_id=user.pk,
            personal={"old": {name: old[name]}, "new": {name: identifiers[name]}},
        )
