"""Secondary e-mail addresses: addition, removal and choice of the primary address.

Each operation requires the user's password or an administrator, because an address gives access to
the account through a password reset. Each locks the user first, so that operations on one user are
serialised.
"""

import datetime as dt
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import canonical_login
from users.accounts.models import EmailAddition, EmailAddress, User
from users.accounts.policy import may_administer, may_change_credentials, require
from users.accounts.services.create_user import (
    check_identifiers,
    email_taken_error,
    save_identifiers,
)
from users.accounts.services.lookup import get_self_for_update, get_user_for_update
from users.accounts.services.mailed_links import create_reversal, read_link, use_link
from users.accounts.services.reauthentication import (
    confirm_password,
    require_owner,
    require_recent_authentication,
)
from users.accounts.throttling import count_mail, counts_token
from users.activity.services.record import record
from users.activity.tags import Tag

# Secondary addresses of a user, pending ones included.
MAX_ADDRESSES: Final = 10


def add_email_address(user_id: UUID, *, actor: Actor, email: str, password: str) -> None:
    """Request a secondary address; it is added once the mailed link is confirmed.

    Discloses only to the address's owner, by mail, whether the address has an account. A repeated
    request replaces the link; a request for an address of the same user is a no-op. Raises
    `InputRejectedError`, also for too many addresses, `TooManyAttemptsError` and the policy's
    errors.
    """
    email = _confirm_request(user_id, actor=actor, email=email, password=password)
    count_mail(actor, email)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        if user.has_address(email):
            return
        _require_capacity(user, email)
        addition = EmailAddition(
            user=user, email=email, expires_at=timezone.now() + settings.EMAIL_CHANGE_TTL
        )
        EmailAddition.objects.bulk_create(
            [addition],
            update_conflicts=True,
            unique_fields=["user", "email"],
            update_fields=["nonce", "expires_at"],
        )
        record(
            Tag.EMAIL_ADDRESS_REQUESTED,
            actor=actor,
            subject_id=user_id,
            personal={"email": email},
            link=addition.nonce,
        )


@counts_token
def confirm_email_address(token: str, *, actor: Actor, password: str | None = None) -> EmailAddress:
    """Add the secondary address to which the token was mailed.

    Requires the user or the ``password``, as `confirm_email_change` does. The primary address gets
    a notice. Raises `InputRejectedError` for an invalid token, for a missing or wrong password, or
    if the address was taken meanwhile, and `TooManyAttemptsError`.
    """
    seen = read_link(EmailAddition, token)
    require_owner(seen.user_id, password, actor=actor)
    with transaction.atomic(durable=True):
        # Deadlock order: the user before the link. A changed password deletes the link.
        user = User.objects.select_for_update().get(pk=seen.user_id)
        addition = use_link(EmailAddition, token)
        address = EmailAddress(user=user, email=addition.email, verified_at=timezone.now())
        try:
            address.save(force_insert=True)
        except IntegrityError:
            # Confirmed meanwhile, by another user or by this one.
            raise email_taken_error("token") from None
        record(
            Tag.EMAIL_ADDRESS_ADDED,
            actor=actor,
            subject_id=user.pk,
            personal={"email": address.email},
        )
    return address


class ChangedAddresses(NamedTuple):
    """A user, and the key of the secondary address that was deleted, if any."""

    user: User
    deleted: int | None = None


def set_primary_email_address(
    user_id: UUID, *, actor: Actor, email: str, password: str
) -> ChangedAddresses:
    """Make a secondary address the primary one; the former primary becomes secondary.

    A former primary address that was never verified is deleted; another one can undo the change. It
    gets a notice in any case. No-op for the current primary address. Raises `InputRejectedError`,
    `TooManyAttemptsError` and the policy's errors.
    """
    email = _confirm_request(user_id, actor=actor, email=email, password=password)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        if user.email == email:
            return ChangedAddresses(user)
        address = user.email_addresses.filter(email=email).first()
        if address is None:
            raise _address_not_found_error()
        old, old_verified_at = user.email, user.email_verified_at
        old_undeliverable_at = user.email_undeliverable_at
        user.set_email(
            address.email,
            verified_at=address.verified_at,
            undeliverable_at=address.undeliverable_at,
        )
        save_identifiers(user)
        if old_verified_at is not None:
            EmailAddress.objects.create(
                user=user,
                email=old,
                verified_at=old_verified_at,
                undeliverable_at=old_undeliverable_at,
            )
        record(
            Tag.EMAIL_CHANGED,
            actor=actor,
            subject_id=user_id,
            personal={"old": {"email": old}, "new": {"email": email}},
            **(
                {}
                if old_verified_at is None
                else {"reversal": create_reversal(user_id, old, changed_at=timezone.now())}
            ),
        )
    return ChangedAddresses(user, address.pk)


def remove_email_address(
    user_id: UUID, *, actor: Actor, email: str, password: str
) -> ChangedAddresses:
    """Remove a secondary address or a pending one; a confirmed one gets a notice.

    Raises `InputRejectedError`, also for the primary address, `TooManyAttemptsError` and the
    policy's errors.
    """
    email = _confirm_request(user_id, actor=actor, email=email, password=password)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        if user.email == email:
            raise _primary_address_error(
                _("This is your primary address. Make another one primary first.")
            )
        deleted = _delete_address(user, email, actor=actor)
        if deleted is None:
            raise _address_not_found_error()
    return deleted


@transaction.atomic(durable=True)
def remove_user_email_address(
    user_id: UUID | None, *, actor: Actor, email: str
) -> ChangedAddresses:
    """Remove a user's secondary address, as an administrator.

    Works as `remove_email_address`; the primary address gets a notice as well. Raises
    `InputRejectedError` if the user or the address does not exist, for the primary address and for
    the actor's own, `ReauthenticationRequiredError` and the policy's errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    email = _canonical(email, user_id=user_id)
    if user_id is not None and user_id == actor.user_id:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Remove your own with your password: see removeEmailAddress."),
                ("user_id",),
            )
        )
    user = get_user_for_update(user_id)
    if user.email == email:
        raise _primary_address_error(
            _("This is the primary address. Give the user another one first: see updateUser.")
        )
    deleted = _delete_address(user, email, actor=actor)
    if deleted is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("This is not a secondary address of the user."),
                ("email",),
            )
        )
    return deleted


def remove_secondary_addresses(
    user: User, *, actor: Actor, since: dt.datetime | None = None
) -> None:
    """Remove a locked user's secondary addresses, or those verified ``since`` then.

    Each gets a notice.
    """
    addresses = user.email_addresses.order_by("pk")
    if since is not None:
        addresses = addresses.filter(verified_at__gte=since)
    for email in list(addresses.values_list("email", flat=True)):
        _delete_address(user, email, actor=actor)


def _delete_address(user: User, email: str, *, actor: Actor) -> ChangedAddresses | None:
    """Delete a locked user's secondary or pending address.

    Returns None if there is neither.
    """
    canceled, _rows = EmailAddition.objects.filter(user=user, email=email).delete()
    address = user.email_addresses.filter(email=email).first()
    if address is None:
        return ChangedAddresses(user) if canceled else None
    key = address.pk
    address.delete()
    record(Tag.EMAIL_ADDRESS_REMOVED, actor=actor, subject_id=user.pk, personal={"email": email})
    return ChangedAddresses(user, key)


def _confirm_request(user_id: UUID, *, actor: Actor, email: str, password: str) -> str:
    """Confirm the user's password; return the address in canonical form."""
    require(actor, may_change_credentials, user_id)
    email = _canonical(email, user_id=user_id)
    confirm_password(user_id, password, actor=actor, field="password")
    return email


def _canonical(email: str, *, user_id: UUID | None) -> str:
    """Return the canonical address; accept the user's stored ones as well.

    Addresses that only earlier rules accepted must be removable. Raises `InputRejectedError`.
    """
    try:
        return check_identifiers({"email": email})["email"]
    except InputRejectedError:
        stored = canonical_login(email)
        if not EmailAddress.objects.filter(user=user_id, email=stored).exists():
            raise
        return stored


def _require_capacity(user: User, email: str) -> None:
    pending = EmailAddition.objects.open().filter(user=user)
    if user.email_addresses.count() + pending.exclude(email=email).count() >= MAX_ADDRESSES:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.TOO_MANY_EMAIL_ADDRESSES,
                _("You can have %(max)d secondary addresses. Remove one first.")
                % {"max": MAX_ADDRESSES},
                ("email",),
            )
        )


def _primary_address_error(message: str) -> InputRejectedError:
    return InputRejectedError(Problem(AccountErrorCode.EMAIL_PRIMARY, message, ("email",)))


def _address_not_found_error() -> InputRejectedError:
    return InputRejectedError(
        Problem(
            GenericErrorCode.NOT_FOUND,
            _("This is not a confirmed address of your account."),
            ("email",),
        )
    )
