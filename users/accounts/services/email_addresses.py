"""Further e-mail addresses, beside the primary one: adding, choosing the primary, removing.

Each takes the person's password, or an administrator: an address opens the account, by a password
reset. The person is locked before anything else, so that two at once come one after the other.
"""

from typing import Final
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
from users.accounts.services.mailed_links import read_link, use_link
from users.accounts.services.reauthentication import (
    confirm_password,
    require_owner,
    require_recent_authentication,
)
from users.accounts.throttling import count_mail, count_token
from users.activity.services.record import record
from users.activity.tags import Tag

# Beside the primary one, those that wait for a click included.
MAX_ADDRESSES: Final = 10


def add_email_address(user_id: UUID, *, actor: Actor, email: str, password: str) -> None:
    """Have a link mailed to a further address, which counts only once it is confirmed.

    Whether somebody has the address is told to nobody but its owner, by mail. Asking again
    replaces the link; asking for an address that one has does nothing. Raises
    `InputRejectedError`, also for too many addresses, `TooManyAttemptsError` and the policy's
    errors.
    """
    email = _confirm_request(user_id, actor=actor, email=email, password=password)
    count_mail(actor, email)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        if user.has_address(email):
            return
        _refuse_too_many(user, email)
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


def confirm_email_address(token: str, *, actor: Actor, password: str | None = None) -> EmailAddress:
    """Make the address that the token was mailed to one of the user's.

    It takes the user as well, for the reason that `confirm_email_change` has. The primary address
    gets a notice. Raises `InputRejectedError` for a token that does not work, without that proof,
    or if somebody has the address by now, and `TooManyAttemptsError`.
    """
    count_token(actor)
    seen = read_link(EmailAddition, token)
    require_owner(seen.user_id, password, actor=actor)
    with transaction.atomic(durable=True):
        # The user first, as everybody does who locks both; a new password takes the link away.
        user = User.objects.select_for_update().get(pk=seen.user_id)
        addition = use_link(EmailAddition, token)
        address = EmailAddress(user=user, email=addition.email, verified_at=timezone.now())
        try:
            address.save(force_insert=True)
        except IntegrityError:
            # Somebody confirmed it meanwhile, the person included.
            raise email_taken_error("token") from None
        record(
            Tag.EMAIL_ADDRESS_ADDED,
            actor=actor,
            subject_id=user.pk,
            personal={"email": address.email},
        )
    return address


def set_primary_email_address(user_id: UUID, *, actor: Actor, email: str, password: str) -> User:
    """Make a confirmed address the one that we write to; the former stays as another.

    A former address that was never confirmed is dropped. It gets a notice in any case. The
    present one changes nothing. Raises `InputRejectedError`, `TooManyAttemptsError` and the
    policy's errors.
    """
    email = _confirm_request(user_id, actor=actor, email=email, password=password)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        if user.email == email:
            return user
        address = user.email_addresses.filter(email=email).first()
        if address is None:
            raise _address_not_found()
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
        )
    return user


def remove_email_address(user_id: UUID, *, actor: Actor, email: str, password: str) -> User:
    """Take an address from a person, or the link to confirm it; it gets a notice if it was theirs.

    The primary one, and so the last one, stays. Raises `InputRejectedError`,
    `TooManyAttemptsError` and the policy's errors.
    """
    email = _confirm_request(user_id, actor=actor, email=email, password=password)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        if user.email == email:
            raise _is_primary_error(
                _("This is your primary address. Make another one primary first.")
            )
        if not _delete_address(user, email, actor=actor):
            raise _address_not_found()
    return user


@transaction.atomic(durable=True)
def remove_user_email_address(user_id: UUID | None, *, actor: Actor, email: str) -> User:
    """Do for a person what `remove_email_address` does, as an administrator.

    They are told at the primary address as well. Raises `InputRejectedError` if there is no such
    person or address, for the primary one and for oneself, `ReauthenticationRequiredError` and the
    policy's errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    email = _canonical(email, user_id=user_id)
    if user_id is not None and user_id == actor.user_id:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Your own are removed with your password: see removeEmailAddress."),
                ("user_id",),
            )
        )
    user = get_user_for_update(user_id)
    if user.email == email:
        raise _is_primary_error(
            _("This is the primary address. Give the person another one first: see updateUser.")
        )
    if not _delete_address(user, email, actor=actor):
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND, _("This is no further address of theirs."), ("email",)
            )
        )
    return user


def remove_secondary_addresses(user: User, *, actor: Actor) -> None:
    """Remove all addresses of a locked user but the primary one; each gets a notice."""
    for email in list(user.email_addresses.order_by("pk").values_list("email", flat=True)):
        _delete_address(user, email, actor=actor)


def _delete_address(user: User, email: str, *, actor: Actor) -> bool:
    """Take an address, and any link to confirm it, from a locked person; tell if there was any."""
    canceled, _rows = EmailAddition.objects.filter(user=user, email=email).delete()
    removed, _rows = user.email_addresses.filter(email=email).delete()
    if removed:
        record(
            Tag.EMAIL_ADDRESS_REMOVED, actor=actor, subject_id=user.pk, personal={"email": email}
        )
    return bool(removed or canceled)


def _confirm_request(user_id: UUID, *, actor: Actor, email: str, password: str) -> str:
    """Return the address in canonical form, once the person is known to ask."""
    require(actor, may_change_credentials, user_id)
    email = _canonical(email, user_id=user_id)
    confirm_password(user_id, password, actor=actor, field="password")
    return email


def _canonical(email: str, *, user_id: UUID | None) -> str:
    """Return the canonical form of an address, or of a further one that earlier rules accepted.

    Those must be possible to remove. Raises `InputRejectedError`.
    """
    try:
        return check_identifiers({"email": email})["email"]
    except InputRejectedError:
        stored = canonical_login(email)
        if not EmailAddress.objects.filter(user=user_id, email=stored).exists():
            raise
        return stored


def _refuse_too_many(user: User, email: str) -> None:
    waiting = EmailAddition.objects.filter(user=user, expires_at__gt=timezone.now())
    if user.email_addresses.count() + waiting.exclude(email=email).count() >= MAX_ADDRESSES:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.TOO_MANY_EMAIL_ADDRESSES,
                _("You can have %(max)d addresses beside the primary one. Remove one first.")
                % {"max": MAX_ADDRESSES},
                ("email",),
            )
        )


def _is_primary_error(what_to_do: str) -> InputRejectedError:
    return InputRejectedError(Problem(AccountErrorCode.EMAIL_PRIMARY, what_to_do, ("email",)))


def _address_not_found() -> InputRejectedError:
    return InputRejectedError(
        Problem(GenericErrorCode.NOT_FOUND, _("This is no confirmed address of yours."), ("email",))
    )
