"""Recovery codes: creating and using them."""

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
    """Replace all recovery codes of a user; the new ones are shown once.

    Raises `InputRejectedError` if the user has no second factor, `ReauthenticationRequiredError`
    and the policy's errors.
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
    """Replace a locked user's recovery codes, in the caller's transaction.

    Only digests are stored.
    """
    codes = new_recovery_codes()
    RecoveryCode.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user_id=user_id, digest=recovery_digest(code)) for code in codes
    )
    return codes


def use_recovery_code(user_id: UUID, code: str, *, actor: Actor) -> bool:
    """Consume an unused recovery code of the user; return False if there is none.

    Runs in the caller's transaction. Of concurrent calls with one code, only one succeeds.
    """
    unused = RecoveryCode.objects.unused().filter(user_id=user_id)
    if not unused.filter(digest=recovery_digest(code)).update(used_at=timezone.now()):
        return False
    left = unused.count()
    record(Tag.RECOVERY_CODE_USED, actor=actor, subject_id=user_id, left=left)
    return True
