"""Enrolling, using and removing authenticator apps (TOTP)."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.authentication_methods import CODE_AMR, Method
from users.accounts.models import User
from users.accounts.policy import may_change_credentials, require
from users.accounts.services.lookup import get_self_for_update
from users.accounts.services.reauthentication import require_recent_authentication
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.factors.one_time_codes import (
    new_totp_secret,
    provisioning_uri,
    qr_code,
    step_of,
    unseal_secret,
)
from users.authentication.models import Totp
from users.authentication.services.factors import (
    EnrolledFactor,
    get_acting_user,
    record_factor,
    record_factor_removal,
)
from users.authentication.throttling import clear_codes, count_code


@dataclass(frozen=True, slots=True)
class TotpEnrollment:
    """The secret for the app, also as a URI and a QR code; shown once."""

    secret: str
    uri: str
    qr_code: str


@transaction.atomic(durable=True)
def begin_totp_enrollment(*, actor: Actor) -> TotpEnrollment:
    """Create a secret for the actor's app; `confirm_totp_enrollment` activates it.

    A repeated call replaces the secret. Raises `InputRejectedError` if an app is already set up,
    `ReauthenticationRequiredError` and the policy's errors.
    """
    acting_user = get_acting_user(actor)
    require_recent_authentication(acting_user.actor)
    user = get_self_for_update(acting_user.user_id)
    if Totp.objects.filter(user=user, confirmed_at__isnull=False).exists():
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.TOTP_ACTIVE,
                _("You already have an authenticator app. Remove it first."),
            )
        )
    sealed = new_totp_secret(user)
    values = {"secret": sealed, "begun_at": timezone.now(), "last_step": 0}
    Totp.objects.update_or_create(user=user, defaults=values)
    secret = unseal_secret(sealed, user.pk)
    uri = provisioning_uri(secret, user)
    return TotpEnrollment(secret, uri, qr_code(uri))


def confirm_totp_enrollment(code: str, *, actor: Actor) -> EnrolledFactor:
    """Activate the actor's authenticator app by its first code.

    Raises `InputRejectedError` for a wrong code or without a pending enrollment,
    `TooManyAttemptsError` and the policy's errors. The event of a refusal is committed.
    """
    acting_user = get_acting_user(actor)
    user_id = acting_user.user_id
    count_code(user_id)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        pending = Totp.objects.filter(
            user=user,
            confirmed_at=None,
            begun_at__gt=timezone.now() - settings.TOTP_ENROLLMENT_TTL,
        )
        enrolled = None
        if _use(pending.first(), code):
            pending.update(confirmed_at=timezone.now())
            enrolled = record_factor(user, Method.TOTP, [*CODE_AMR], acting_user=acting_user)
        else:
            record(
                Tag.FACTOR_REFUSED,
                actor=acting_user.actor,
                subject_id=user_id,
                method=Method.TOTP.value,
            )
    if enrolled is None:
        raise code_invalid_error("code")
    clear_codes(user_id)
    return enrolled


@transaction.atomic(durable=True)
def remove_totp(user_id: UUID, *, actor: Actor) -> User:
    """Remove a user's authenticator app.

    Raises `InputRejectedError` if there is none, `ReauthenticationRequiredError` and the policy's
    errors.
    """
    require(actor, may_change_credentials, user_id)
    require_recent_authentication(actor)
    user = get_self_for_update(user_id)
    _total, removed = Totp.objects.filter(user=user, confirmed_at__isnull=False).delete()
    if not removed:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("You have not set up an authenticator app."))
        )
    record_factor_removal(user, Method.TOTP, actor=actor)
    return user


def use_totp_code(user_id: UUID, code: str) -> bool:
    """Consume a code of the user's app; return False if it is invalid or used.

    A used code also invalidates those of earlier time steps (RFC 6238, section 5.2). Runs in the
    caller's transaction.
    """
    return _use(Totp.objects.filter(user_id=user_id, confirmed_at__isnull=False).first(), code)


def code_invalid_error(field: str) -> InputRejectedError:
    """Return the error for an invalid code; it does not reveal the cause."""
    return InputRejectedError(
        Problem(
            AuthenticationErrorCode.CODE_INVALID,
            _("This code is wrong or was already used. Enter a new code."),
            (field,),
        )
    )


def _use(totp: Totp | None, code: str) -> bool:
    step = step_of(code, unseal_secret(totp.secret, totp.pk)) if totp else None
    if totp is None or step is None:
        return False
    later = Totp.objects.filter(pk=totp.pk, secret=totp.secret, last_step__lt=step)
    return bool(later.update(last_step=step, last_used_at=timezone.now()))
