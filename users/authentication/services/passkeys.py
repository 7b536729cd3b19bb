"""Passkeys: registering, renaming and removing them, and signing in with one alone.

Options are made and answers taken in the JSON of Web Authentication Level 3 (section 5.1), which
browsers read by `PublicKeyCredential.parseCreationOptionsFromJSON` and its sibling for requests.
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
from users.accounts.services.validation import Problems, check_field
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
    """What a passkey is asked for."""

    LOG_IN = Purpose.LOG_IN
    SECOND_FACTOR = Purpose.SECOND_FACTOR
    REAUTHENTICATION = Purpose.REAUTHENTICATION


def begin_passkey_registration(*, actor: Actor) -> dict[str, Any]:
    """Return what to have the actor's device make a passkey by.

    Raises `ReauthenticationRequiredError`, `TooManyAttemptsError` and the policy's errors.
    """
    person = get_acting_user(actor)
    require_recent_authentication(person.actor)
    count_passkey(actor)
    with transaction.atomic(durable=True):
        user = User.objects.get(pk=person.user_id)
        known = Passkey.objects.filter(user=user).values_list("credential_id", flat=True)
        options = webauthn.generate_registration_options(
            rp_id=settings.WEBAUTHN_RP_ID,
            rp_name=settings.SERVICE_NAME,
            # Not personal, as section 14.6.1 wants it.
            user_id=user.pk.bytes,
            user_name=user.username,
            user_display_name=user.get_full_name(),
            challenge=new_challenge(Purpose.REGISTRATION, session_id=person.session_id),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=bytes(each)) for each in known],
            timeout=_timeout(),
        )
    return cast("dict[str, Any]", json.loads(webauthn.options_to_json(options)))


def register_passkey(answer: Mapping[str, Any], *, actor: Actor, name: str) -> EnrolledFactor:
    """Keep the passkey that the actor's device made.

    Raises `InputRejectedError` for a bad name, an answer that does not verify, a passkey that is
    known already, and one too many; `TooManyAttemptsError` and the policy's errors. The challenge
    is used up in any case but that of a bad name.
    """
    person = get_acting_user(actor)
    name = _clean_name(name)
    count_passkey(actor)
    refusal = enrolled = None
    with transaction.atomic(durable=True):
        user = get_self_for_update(person.user_id)
        try:
            enrolled = _save_passkey(user, answer, person=person, name=name)
        except InputRejectedError as error:
            refusal = error
            method = Method.PASSKEY.value
            record(Tag.FACTOR_REFUSED, actor=person.actor, subject_id=user.pk, method=method)
    if enrolled is None:
        raise cast("InputRejectedError", refusal)
    refund_passkey(actor)
    return enrolled


@transaction.atomic(durable=True)
def rename_passkey(passkey_id: UUID | None, *, actor: Actor, name: str) -> Passkey:
    """Call one of the actor's passkeys something else; the same name changes nothing.

    Raises `InputRejectedError` for a bad name or if there is none, and the policy's errors.
    """
    require(actor, may_change_credentials, actor.user_id)
    name = _clean_name(name)
    passkey = _get_for_update(passkey_id, actor)
    if passkey.name != name:
        passkey.name = name
        passkey.save(update_fields=["name"])
        record(Tag.FACTOR_RENAMED, actor=actor, subject_id=actor.user_id, passkey=passkey.pk)
    return passkey


@transaction.atomic(durable=True)
def remove_passkey(passkey_id: UUID | None, *, actor: Actor) -> User:
    """Have one of the actor's passkeys count no more.

    Raises `InputRejectedError` if there is none, `ReauthenticationRequiredError` and the policy's
    errors.
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
    """Return what to have a passkey answer, to log in, as a second factor or to prove it again.

    Raises `InputRejectedError` for an ``mfa_token`` that does not work, `TooManyAttemptsError` and,
    for who is to prove it again, the policy's errors.
    """
    count_passkey(actor)
    session_id, log_in, known = None, None, Passkey.objects.none()
    # To log in, the device shows what passkeys it has, and nobody learns here who has one.
    if use is PasskeyUse.SECOND_FACTOR:
        log_in = get_pending_log_in(mfa_token or "")
        known = Passkey.objects.filter(user_id=log_in.user_id)
    elif use is PasskeyUse.REAUTHENTICATION:
        person = get_acting_user(actor)
        session_id, known = person.session_id, Passkey.objects.filter(user_id=person.user_id)
    with transaction.atomic(durable=True):
        options = webauthn.generate_authentication_options(
            rp_id=settings.WEBAUTHN_RP_ID,
            challenge=new_challenge(use.value, session_id=session_id, log_in=log_in),
            allow_credentials=[
                PublicKeyCredentialDescriptor(id=bytes(each))
                for each in known.values_list("credential_id", flat=True)
            ],
            user_verification=UserVerificationRequirement.REQUIRED,
            timeout=_timeout(),
        )
    return cast("dict[str, Any]", json.loads(webauthn.options_to_json(options)))


def log_in_with_passkey(
    answer: Mapping[str, Any], *, actor: Actor, transport: Transport
) -> SignInResult:
    """Begin a session for whoever the passkey says it is of.

    The device has verified the person, so this is two factors: what they have, and what they know
    or are. Other answers than a good one get the same refusal, whose event is committed before
    `InputRejectedError` is raised. Raises `TooManyAttemptsError` after too many of one network.
    """
    count_passkey(actor)
    signed_in = None
    with transaction.atomic(durable=True):
        owner_id = owner_of(answer)
        people = User.objects.filter(is_active=True).select_for_update()
        user = people.filter(pk=owner_id).first() if owner_id else None
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
    user: User, answer: Mapping[str, Any], *, person: ActingUser, name: str
) -> EnrolledFactor:
    """Keep a locked person's new passkey, in the caller's transaction."""
    session = Session.objects.filter(pk=person.session_id).first()
    if session is None:
        # It was ended at the same moment.
        raise passkey_invalid_error("credential")
    made = verify_registration(answer, session=session)
    if Passkey.objects.filter(user=user).count() >= MAX_PASSKEYS:
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.TOO_MANY_PASSKEYS,
                _("You have %(count)s passkeys. Remove one first.") % {"count": MAX_PASSKEYS},
            )
        )
    is_syncable = made.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    passkey = Passkey(
        user=user,
        name=name,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        aaguid=UUID(made.aaguid),
        is_syncable=is_syncable,
        is_backed_up=made.credential_backed_up,
    )
    # A conflict must not spoil the transaction, in which the challenge is used up.
    Passkey.objects.bulk_create([passkey], ignore_conflicts=True)
    if not Passkey.objects.filter(pk=passkey.pk).exists():
        raise InputRejectedError(
            Problem(
                AuthenticationErrorCode.PASSKEY_TAKEN,
                _("This passkey is registered already."),
                ("credential",),
            )
        )
    amr = ["swk" if is_syncable else "hwk", "user"]
    return record_factor(user, Method.PASSKEY, amr, person=person, passkey=passkey)


def _get_for_update(passkey_id: UUID | None, actor: Actor) -> Passkey:
    """Return one of the actor's passkeys, locked; of others nobody learns that there are any."""
    own = Passkey.objects.filter(user_id=cast("UUID", actor.user_id))
    passkey: Passkey | None = (
        own.select_for_update().filter(pk=passkey_id).first() if passkey_id else None
    )
    if passkey is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("There is no such passkey."), ("passkey_id",))
        )
    return passkey


def _clean_name(name: str) -> str:
    """Return the name on one line. Raises `InputRejectedError` if it is none."""
    name = " ".join(name.split())
    problems = Problems()
    with problems.of("name", GenericErrorCode.VALUE_INVALID):
        check_field(Passkey, "name", name)
    problems.refuse_any()
    return name


def _timeout() -> int:
    return int(settings.PASSKEY_CHALLENGE_TTL.total_seconds() * 1_000)
