"""Registering, renaming and removing passkeys, and signing in with a passkey only.

Options and responses use the JSON of Web Authentication Level 3 (section 5.1); browsers parse it
with `PublicKeyCredential.parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON`.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

import webauthn
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.authentication_methods import Method
from users.accounts.models import User
from users.accounts.policy import may_change_credentials, require
from users.accounts.services.lookup import get_self_for_update
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.validation import require_name
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.factors.webauthn import (
    new_challenge,
    owner_of,
    passkey_invalid_error,
    use_passkey,
    verify_registration,
)
from users.authentication.models import Passkey, PasskeyChallenge, Session
from users.authentication.services.end_sessions import end_current_session
from users.authentication.services.factors import (
    ActingUser,
    EnrolledFactor,
    get_acting_user,
    record_factor,
    record_factor_removal,
)
from users.authentication.services.mfa import get_pending_log_in
from users.authentication.services.sessions import SignInResult, Transport, begin_session
from users.authentication.sessions.known_devices import issue_device_token
from users.authentication.throttling import count_passkey, refund_passkey

Purpose = PasskeyChallenge.Purpose

MAX_PASSKEYS: Final = 20


class PasskeyUse(Enum):
    """The purpose of an authentication with a passkey."""

    LOG_IN = Purpose.LOG_IN
    SECOND_FACTOR = Purpose.SECOND_FACTOR
    REAUTHENTICATION = Purpose.REAUTHENTICATION


def begin_passkey_registration(*, actor: Actor) -> dict[str, Any]:
    """Return the options for creating a passkey on the actor's device.

    Raises `ReauthenticationRequiredError`, `TooManyAttemptsError` and the policy's errors.
    """
    acting_user = get_acting_user(actor)
    require_recent_authentication(acting_user.actor)
    count_passkey(actor)
    with transaction.atomic(durable=True):
        user = User.objects.get(pk=acting_user.user_id)
        registered = Passkey.objects.filter(user=user).values_list("credential_id", flat=True)
        options = webauthn.generate_registration_options(
            rp_id=settings.WEBAUTHN_RP_ID,
            rp_name=settings.SERVICE_NAME,
            # Section 14.6.1: the user handle must not contain personal data.
            user_id=user.pk.bytes,
            user_name=user.username,
            user_display_name=user.get_full_name(),
            challenge=new_challenge(Purpose.REGISTRATION, session_id=acting_user.session_id),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=bytes(credential_id))
                for credential_id in registered
            ],
            timeout=_timeout(),
        )
    return cast("dict[str, Any]", json.loads(webauthn.options_to_json(options)))


def register_passkey(answer: Mapping[str, Any], *, actor: Actor, name: str) -> EnrolledFactor:
    """Verify and store a new passkey of the actor.

    Raises `InputRejectedError` for an invalid name, an invalid response, a passkey that is already
    registered and beyond `MAX_PASSKEYS`; `TooManyAttemptsError` and the policy's errors. The
    challenge is consumed unless the name is invalid.
    """
    acting_user = get_acting_user(actor)
    name = require_name(Passkey, name)
    count_passkey(actor)
    refusal = enrolled = None
    with transaction.atomic(durable=True):
        user = get_self_for_update(acting_user.user_id)
        try:
            enrolled = _save_passkey(user, answer, acting_user=acting_user, name=name)
        except InputRejectedError as error:
            refusal = error
            method = Method.PASSKEY.value
            record(Tag.FACTOR_REFUSED, actor=acting_user.actor, subject_id=user.pk, method=method)
    if enrolled is None:
        raise cast("InputRejectedError", refusal)
    refund_passkey(actor)
    return enrolled


@transaction.atomic(durable=True)
def rename_passkey(passkey_id: UUID | None, *, actor: Actor, name: str) -> Passkey:
    """Rename one of the actor's passkeys; the same name is a no-op.

    Raises `InputRejectedError` for an invalid name or if there is no such passkey, and the policy's
    errors.
    """
    require(actor, may_change_credentials, actor.user_id)
    name = require_name(Passkey, name)
    passkey = _get_for_update(passkey_id, actor)
    if passkey.name != name:
        passkey.name = name
        passkey.save(update_fields=["name"])
        record(Tag.FACTOR_RENAMED, actor=actor, subject_id=actor.user_id, passkey=passkey.pk)
    return passkey


@transaction.atomic(durable=True)
def remove_passkey(passkey_id: UUID | None, *, actor: Actor) -> User:
    """Remove one of the actor's passkeys.

    Raises `InputRejectedError` if there is no such passkey, `ReauthenticationRequiredError` and the
    policy's errors.
    """
    require(actor, may_change_credentials, actor.user_id)
    require_recent_authentication(actor)
    user = get_self_for_update(actor.user_id)
    _get_for_update(passkey_id, actor).delete()
    record_factor_removal(user, Method.PASSKEY, actor=actor)
    return user


def begin_passkey_authentication(
    use: PasskeyUse, *, actor: Actor, mfa_token: str | None = None
) -> dict[str, Any]:
    """Return the options for authenticating with a passkey.

    Raises `InputRejectedError` for an invalid ``mfa_token``, `TooManyAttemptsError` and, for
    reauthentication, the policy's errors.
    """
    count_passkey(actor)
    session_id, log_in, allowed = None, None, Passkey.objects.none()
    # A log-in names no credentials: the device lists its own, so no accounts can be enumerated.
    if use is PasskeyUse.SECOND_FACTOR:
        log_in = get_pending_log_in(mfa_token or "")
        allowed = Passkey.objects.filter(user_id=log_in.user_id)
    elif use is PasskeyUse.REAUTHENTICATION:
        acting_user = get_acting_user(actor)
        session_id, allowed = (
            acting_user.session_id,
            Passkey.objects.filter(user_id=acting_user.user_id),
        )
    with transaction.atomic(durable=True):
        options = webauthn.generate_authentication_options(
            rp_id=settings.WEBAUTHN_RP_ID,
            challenge=new_challenge(use.value, session_id=session_id, log_in=log_in),
            allow_credentials=[
                PublicKeyCredentialDescriptor(id=bytes(credential_id))
                for credential_id in allowed.values_list("credential_id", flat=True)
            ],
            user_verification=UserVerificationRequirement.REQUIRED,
            timeout=_timeout(),
        )
    return cast("dict[str, Any]", json.loads(webauthn.options_to_json(options)))


def log_in_with_passkey(
    answer: Mapping[str, Any], *, actor: Actor, transport: Transport
) -> SignInResult:
    """Begin a session for the passkey's owner.

    The device verifies the user, so this counts as two factors: possession, and knowledge or
    inherence. All invalid responses get the same error; the event is committed before
    `InputRejectedError` is raised. Raises `TooManyAttemptsError` after too many attempts from one
    network.
    """
    count_passkey(actor)
    signed_in = None
    with transaction.atomic(durable=True):
        owner_id = owner_of(answer)
        users = User.objects.filter(is_active=True).select_for_update()
        user = users.filter(pk=owner_id).first() if owner_id else None
        used = use_passkey(answer, Purpose.LOG_IN, user_id=user.pk if user else None)
        if user and used:
            end_current_session(actor)
            signed_in = begin_session(
                user, actor=actor, transport=transport, amr=used.amr, has_factor=True
            )
        else:
            method, subject_id = Method.PASSKEY.value, user.pk if user else None
            record(Tag.LOG_IN_REFUSED, actor=actor, subject_id=subject_id, method=method)
    if signed_in is None:
        raise passkey_invalid_error("credential")
    refund_passkey(actor)
    token = issue_device_token(signed_in.session.user, known=None)
    return replace(signed_in, device_token=token)


def _save_passkey(
    user: User, answer: Mapping[str, Any], *, acting_user: ActingUser, name: str
) -> EnrolledFactor:
    """Verify and store a locked user's new passkey, in the caller's transaction."""
    # Locked before its challenge, as when a session ends.
    session = Session.objects.get_for_update(pk=acting_user.session_id)
    if session is None:
        # A concurrent request ended it.
        raise passkey_invalid_error("credential")
    credential = verify_registration(answer, session=session)
    if Passkey.objects.filter(user=user).count() >= MAX_PASSKEYS:
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.TOO_MANY_PASSKEYS,
                _("You already have %(count)s passkeys. Remove one first.")
                % {"count": MAX_PASSKEYS},
            )
        )
    is_syncable = credential.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    passkey = Passkey(
        user=user,
        name=name,
        credential_id=credential.credential_id,
        public_key=credential.credential_public_key,
        sign_count=credential.sign_count,
        aaguid=UUID(credential.aaguid),
        is_syncable=is_syncable,
        is_backed_up=credential.credential_backed_up,
    )
    # An IntegrityError would abort the transaction, which must commit the consumed challenge.
    Passkey.objects.bulk_create([passkey], ignore_conflicts=True)
    if not Passkey.objects.filter(pk=passkey.pk).exists():
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.PASSKEY_TAKEN,
                _("This passkey is already registered."),
                ("credential",),
            )
        )
    amr = ["swk" if is_syncable else "hwk", "user"]
    return record_factor(user, Method.PASSKEY, amr, acting_user=acting_user, passkey=passkey)


def _get_for_update(passkey_id: UUID | None, actor: Actor) -> Passkey:
    """Return one of the actor's passkeys, locked for update.

    Passkeys of other users get the same error as unknown ids.
    """
    passkeys = Passkey.objects.filter(user_id=cast("UUID", actor.user_id))
    passkey: Passkey | None = (
        passkeys.select_for_update().filter(pk=passkey_id).first() if passkey_id else None
    )
    if passkey is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("There is no such passkey."), ("passkey_id",))
        )
    return passkey


def _timeout() -> int:
    return int(settings.PASSKEY_CHALLENGE_TTL.total_seconds() * 1_000)
