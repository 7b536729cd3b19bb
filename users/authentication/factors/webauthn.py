"""WebAuthn ceremonies: challenges and verification of responses (Web Authentication Level 3).

A challenge is single-use, even if the response is invalid. It expires after
`settings.PASSKEY_CHALLENGE_TTL` and is bound to its purpose and to its session or pending log-in.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import webauthn
from cbor2 import CBORDecodeError
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from webauthn.helpers import (
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    CredentialDeviceType,
    RegistrationCredential,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from core.errors import InputRejectedError, Problem
from core.security.crypto import digest
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.models import Passkey, PasskeyChallenge, PendingLogIn, Session

Purpose = PasskeyChallenge.Purpose

# Exceptions of the library and its dependencies for malformed responses.
MALFORMED: Final = (
    *(WebAuthnException, CBORDecodeError, UnsupportedAlgorithm),
    *(ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class UsedPasskey:
    """A verified passkey and its authentication methods (`amr`)."""

    passkey: Passkey
    amr: list[str]


def new_challenge(
    purpose: Purpose, *, session_id: UUID | None = None, log_in: PendingLogIn | None = None
) -> bytes:
    """Create a challenge of 256 random bits; only its digest is stored."""
    challenge = secrets.token_bytes(32)
    PasskeyChallenge.objects.create(
        digest=digest(bytes_to_base64url(challenge)),
        purpose=purpose,
        session_id=session_id,
        log_in=log_in,
        expires_at=timezone.now() + settings.PASSKEY_CHALLENGE_TTL,
    )
    return challenge


def owner_of(answer: Mapping[str, Any]) -> UUID | None:
    """Return the owner of the credential in a response, which is not verified."""
    try:
        credential_id = parse_authentication_credential_json(json.dumps(answer)).raw_id
    except MALFORMED:
        return None
    owners = Passkey.objects.filter(credential_id=credential_id)
    return owners.values_list("user_id", flat=True).first()


def use_passkey(
    answer: Mapping[str, Any],
    purpose: Purpose,
    *,
    user_id: UUID | None,
    session: Session | None = None,
    log_in: PendingLogIn | None = None,
) -> UsedPasskey | None:
    """Verify a response and return its passkey; None if the response is invalid.

    Requires user verification by the device, such as a fingerprint or a PIN. Consumes the
    challenge, so the caller must commit its transaction in both cases. The caller has locked the
    user.
    """
    try:
        credential = parse_authentication_credential_json(json.dumps(answer))
        client_data = parse_client_data_json(credential.response.client_data_json)
    except MALFORMED:
        return None
    challenge = client_data.challenge
    if not _use_challenge(challenge, purpose, session=session, log_in=log_in):
        return None
    passkeys = Passkey.objects.filter(credential_id=credential.raw_id).select_for_update()
    passkey = passkeys.filter(user_id=user_id).first() if user_id else None
    if passkey is None or client_data.cross_origin:
        return None
    # In a log-in without a password, only the user handle identifies the user.
    if not _is_of(passkey, credential, is_required=purpose is Purpose.LOG_IN):
        return None
    return _verify_assertion(passkey, credential, challenge)


def verify_registration(answer: Mapping[str, Any], *, session: Session) -> VerifiedRegistration:
    """Verify a registration response and return the new credential.

    Consumes the challenge, so the caller must commit its transaction in both cases. Raises
    `InputRejectedError`.
    """
    try:
        credential: RegistrationCredential = parse_registration_credential_json(json.dumps(answer))
        client_data = parse_client_data_json(credential.response.client_data_json)
    except MALFORMED:
        raise passkey_invalid_error("credential") from None
    challenge = client_data.challenge
    is_used = _use_challenge(challenge, Purpose.REGISTRATION, session=session)
    if not is_used or client_data.cross_origin:
        raise passkey_invalid_error("credential")
    try:
        return webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=settings.WEBAUTHN_RP_ID,
            expected_origin=settings.WEBAUTHN_ORIGINS,
            require_user_verification=True,
        )
    except MALFORMED:
        raise passkey_invalid_error("credential") from None


def passkey_invalid_error(field: str) -> InputRejectedError:
    """Return the error for an invalid response; it does not reveal the cause."""
    return InputRejectedError(
        Problem(
            AuthenticationErrorCode.PASSKEY_INVALID,
            _("This passkey could not be verified. Try again."),
            (field,),
        )
    )


def _use_challenge(
    challenge: bytes,
    purpose: Purpose,
    *,
    session: Session | None = None,
    log_in: PendingLogIn | None = None,
) -> bool:
    """Consume the challenge; of concurrent calls, only one returns True."""
    challenges = PasskeyChallenge.objects.open().filter(
        digest=digest(bytes_to_base64url(challenge)),
        purpose=purpose,
        session=session,
        log_in=log_in,
    )
    _total, deleted = challenges.delete()
    return bool(deleted)


def _is_of(passkey: Passkey, credential: AuthenticationCredential, *, is_required: bool) -> bool:
    """Return whether the user handle is that of the passkey's owner (section 7.2, step 6)."""
    handle = credential.response.user_handle
    return not is_required if handle is None else handle == passkey.user_id.bytes


def _verify_assertion(
    passkey: Passkey, credential: AuthenticationCredential, challenge: bytes
) -> UsedPasskey | None:
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=settings.WEBAUTHN_RP_ID,
            expected_origin=settings.WEBAUTHN_ORIGINS,
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except MALFORMED:
        return None
    passkey.sign_count = verified.new_sign_count
    passkey.is_backed_up = verified.credential_backed_up
    passkey.last_used_at = timezone.now()
    passkey.save(update_fields=["sign_count", "is_backed_up", "last_used_at"])
    # RFC 8176: "hwk" is a hardware-bound key, "swk" one that software syncs between devices.
    is_synced = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return UsedPasskey(passkey, ["swk" if is_synced else "hwk", "user"])
