"""Verification of passwords, and recent authentication (step-up).

Sensitive operations require it, so that a stolen session alone cannot take over an account.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem, ReauthenticationRequiredError
from core.ratelimit.limits import counted, refund
from core.security.actor import Actor
from users.accounts.authentication_methods import accepted_methods
from users.accounts.errors import AccountErrorCode, ImpersonationError
from users.accounts.models import User
from users.accounts.services.stored_passwords import check_stored_password
from users.accounts.throttling import password_bucket
from users.activity.services.record import record
from users.activity.tags import Tag


def require_recent_authentication(actor: Actor) -> None:
    """Raise `ReauthenticationRequiredError` unless the session authenticated recently.

    A user with a second factor must have used it within `REAUTHENTICATION_TTL`. Actors without a
    session, such as API tokens and the service itself, pass: check the policy first. Raises
    `ImpersonationError` during an impersonation, which cannot reauthenticate.
    """
    if actor.impersonator_id:
        raise ImpersonationError
    authentication = actor.authentication
    if authentication is None:
        return
    authenticated_at = (
        authentication.factor_at if authentication.factors else authentication.authenticated_at
    )
    if (
        authenticated_at is None
        or timezone.now() - authenticated_at > settings.REAUTHENTICATION_TTL
    ):
        raise reauthentication_required_error(authentication.factors)


def reauthentication_required_error(factors: Sequence[str]) -> ReauthenticationRequiredError:
    """Return the error with the methods that a user with these factors may use."""
    seconds = int(settings.REAUTHENTICATION_TTL.total_seconds())
    return ReauthenticationRequiredError(accepted_methods(factors), max_age=seconds)


def confirm_password(user_id: UUID, password: str, *, actor: Actor, field: str) -> None:
    """Raise `InputRejectedError` about ``field`` unless this is the user's password.

    A user with a second factor must pass `require_recent_authentication` as well.

    Call it before the service's transaction: the event of a wrong password is committed although
    the request fails. Raises `TooManyAttemptsError` and `ImpersonationError` as well.
    """
    if actor.impersonator_id:
        raise ImpersonationError
    user = User.objects.get(pk=user_id)
    if user.second_factors:
        if actor.authentication is None:
            raise reauthentication_required_error(user.second_factors)
        require_recent_authentication(actor)
    check_own_password(user.pk, password, actor=actor, field=field)


def require_owner(
    user_id: UUID, password: str | None, *, actor: Actor, message: str | None = None
) -> None:
    """Raise `InputRejectedError` unless the user is signed in or the password is right.

    The error about a missing password has the ``message``.

    For mailed links that change an account: a link verifies the mailbox only, which may be a
    stranger's. API tokens and impersonations do not count as signed in. Call it outside of
    transactions, because the event of a wrong password is committed. Raises `TooManyAttemptsError`
    as well.
    """
    if actor.user_id == user_id and actor.is_interactive:
        return
    if password is None:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.PASSWORD_REQUIRED,
                message
                or _(
                    "Sign in to the account that requested this address, or enter its password. "
                    "If you did not request it, leave this page: nothing changes."
                ),
                ("password",),
            )
        )
    check_own_password(user_id, password, actor=actor, field="password")


def check_own_password(user_id: UUID, password: str, *, actor: Actor, field: str) -> None:
    """Raise `InputRejectedError` about ``field`` unless this is the user's password.

    Wrong passwords count towards the rate limit. Call it outside of transactions, because the event
    of a wrong password is committed.
    """
    bucket = password_bucket(user_id)
    with counted(bucket):
        is_correct = verify_password(User.objects.get(pk=user_id), password)
    if is_correct:
        refund(bucket)
        return
    with transaction.atomic(durable=True):
        record(Tag.PASSWORD_REFUSED, actor=actor, subject_id=user_id)
    raise InputRejectedError(
        Problem(AccountErrorCode.PASSWORD_WRONG, _("This is not your current password."), (field,))
    )


def verify_password(user: User, password: str) -> bool:
    """Return True if this is the user's password.

    A hash with other parameters, or of another system, is replaced by ours. Raises
    `ServiceBusyError` as `check_stored_password` does.
    """
    return check_stored_password(password, user.password, partial(_rehash_password, user))


def _rehash_password(user: User, password: str) -> None:
    """Store a hash with the current parameters, unless the password changed meanwhile.

    A concurrent log-in may have stored another hash of the same password.
    """
    encoded = make_password(password)
    unchanged = User.objects.filter(pk=user.pk, password=user.password)
    if not unchanged.update(password=encoded):
        encoded = User.objects.values_list("password", flat=True).get(pk=user.pk)
        if not check_password(password, encoded):
            return
    user.password = encoded
