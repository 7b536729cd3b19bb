"""Codes for when the factors are lost."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import may_change_credentials, require
from users.accounts.services.lookup import get_self_for_update
from users.accounts.services.reauthentication import require_recent_authentication
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.factors.one_time_codes import new_recovery_codes, recovery_digest
from users.authentication.models import RecoveryCode


@transaction.atomic(durable=True)
def regenerate_recovery_codes(user_id: UUID, *, actor: Actor) -> list[str]:
    """Return new codes in place of all that a person had; they are shown this once.

    Raises `InputRejectedError` if there is no factor that they could stand in for,
    `ReauthenticationRequiredError` and the policy's errors.
    """
    require(actor, may_change_credentials, user_id)
    require_recent_authentication(actor)
    user = get_self_for_update(user_id)
    if not user.second_factors:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND, _("Set up an authenticator app or a passkey first.")
            )
        )
    codes = issue_recovery_codes(user_id)
    record(Tag.RECOVERY_CODES_REGENERATED, actor=actor, subject_id=user_id)
    return codes


def issue_recovery_codes(user_id: UUID) -> list[str]:
    """Give a locked person new codes, in the caller's transaction; former ones are worth nothing.

    Only their digests are kept.
    """
    codes = new_recovery_codes()
    RecoveryCode.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user_id=user_id, digest=recovery_digest(code)) for code in codes
    )
    return codes


def use_recovery_code(user_id: UUID, code: str, *, actor: Actor) -> bool:
    """Tell whether this is an unused code of the person's, and use it up if it is.

    In the caller's transaction; of several who come with the same code the first gets in.
    """
    unused = RecoveryCode.objects.filter(
        user_id=user_id, digest=recovery_digest(code), used_at=None
    )
    if not unused.update(used_at=timezone.now()):
        return False
    left = RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()
    record(Tag.RECOVERY_CODE_USED, actor=actor, subject_id=user_id, left=left)
    return True
