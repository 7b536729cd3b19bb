"""Removing all second factors of a user who has lost them."""

from uuid import UUID

from django.db import transaction

from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_administer, require
from users.accounts.services.lookup import get_user_for_update
from users.accounts.services.reauthentication import require_recent_authentication
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import Passkey, RecoveryCode, Totp
from users.authentication.services.end_sessions import end_sessions_of
from users.authentication.services.factors import update_factor_kinds


@transaction.atomic(durable=True)
def reset_second_factors(user_id: UUID | None, *, actor: Actor) -> User:
    """Remove all second factors of a user, as an administrator, and end their sessions.

    The user is notified by mail. The password does not change; use `require_password_reset` for
    one that may be compromised. A no-op for a user without second factors. Raises
    `InputRejectedError` if there is no such user, `ReauthenticationRequiredError` and the policy's
    errors.
    """
    require(actor, may_administer)
    require_recent_authentication(actor)
    user = get_user_for_update(user_id)
    former = user.second_factors
    for kind in (Totp, Passkey, RecoveryCode):
        kind.objects.filter(user=user).delete()
    if not former:
        return user
    update_factor_kinds(user)
    ended = end_sessions_of(user.pk, actor=actor)
    record(Tag.FACTORS_RESET, actor=actor, subject_id=user.pk, methods=former, sessions=ended)
    return user
