"""Looking at passwords: at any log-in, and again before what a stolen session must not do.

How long ago a session proved who is behind it is looked at here, too; `users.accounts.sensitive`
has the list of what that is for.
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
from core.security.actor import Actor
from users.accounts.authentication_methods import acceptable
from users.accounts.errors import AccountErrorCode, ImpersonationError
from users.accounts.models import User
from users.accounts.throttling import count_password
from users.activity.services.record import record
from users.activity.tags import Tag


def require_recent_authentication(actor: Actor) -> None:
    """Raise `ReauthenticationRequiredError` unless the session proved lately who is behind it.

    Somebody who has a second factor proves it by that. Who acts through no session, as the service
    itself does, has nothing to prove again: call it once the policy has let the actor pass.
    Nobody proves anything in somebody else's name, which is an `ImpersonationError`.
    """
    if actor.impersonator_id:
        raise ImpersonationError
    proof = actor.proof
    if proof is None:
        return
    proved_at = proof.factor_at if proof.factors else proof.authenticated_at
    if proved_at is None or timezone.now() - proved_at > settings.REAUTHENTICATION_TTL:
        raise reauthentication_required_error(proof.factors)


def reauthentication_required_error(factors: Sequence[str]) -> ReauthenticationRequiredError:
    """Return the error that tells what somebody with these factors is to be asked for."""
    seconds = int(settings.REAUTHENTICATION_TTL.total_seconds())
    return ReauthenticationRequiredError(acceptable(factors), max_age=seconds)


def confirm_password(user_id: UUID, password: str, *, actor: Actor, field: str) -> None:
    """Raise `InputRejectedError` about ``field`` unless this is the person's password.

    Whoever has a second factor must have proved that lately as well:
    `require_recent_authentication`.

    Call it before the service's own transaction: the refusal's event is committed although
    the request fails. Raises `TooManyAttemptsError` after too many.
    """
    if actor.impersonator_id:
        raise ImpersonationError
    seen = User.objects.get(pk=user_id)
    if seen.second_factors:
        if actor.proof is None:
            raise reauthentication_required_error(seen.second_factors)
        require_recent_authentication(actor)
    check_own_password(seen.pk, password, actor=actor, field=field)


def require_owner(user_id: UUID, password: str | None, *, actor: Actor) -> None:
    """Raise `InputRejectedError` unless the user confirms: signed in, or by the password.

    For mailed links that change an account. A link proves the mailbox, whose owner may be
    somebody that never asked for it. A token or an impersonation does not stand in for the user.
    A refusal's event is committed, so call it outside of transactions; raises
    `TooManyAttemptsError` as well.
    """
    if actor.user_id == user_id and actor.is_interactive:
        return
    if password is None:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.PASSWORD_REQUIRED,
                _(
                    "Sign in to the account that asked for this address, or enter its password. "
                    "If you did not ask for it, leave this page: nothing changes."
                ),
                ("password",),
            )
        )
    check_own_password(user_id, password, actor=actor, field="password")


def check_own_password(user_id: UUID, password: str, *, actor: Actor, field: str) -> None:
    """Raise `InputRejectedError` about ``field`` unless this is the person's password.

    Each attempt counts. The refusal's event is committed, so call it outside of transactions.
    """
    count_password(user_id)
    with transaction.atomic(durable=True):
        if verify_password(User.objects.get(pk=user_id), password):
            return
        record(Tag.PASSWORD_REFUSED, actor=actor, subject_id=user_id)
    raise InputRejectedError(
        Problem(AccountErrorCode.PASSWORD_WRONG, _("This is not your current password."), (field,))
    )


def verify_password(user: User, password: str) -> bool:
    """Tell whether this is the person's password; its hash is brought to today's cost."""
    return check_password(password, user.password, partial(_rehash_password, user))


def _rehash_password(user: User, password: str) -> None:
    """Keep the password at today's cost, unless it was changed meanwhile."""
    encoded = make_password(password)
    if User.objects.filter(pk=user.pk, password=user.password).update(password=encoded):
        user.password = encoded
