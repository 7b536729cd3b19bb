"""Passkeys: registration, sign-in and refused forgeries."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_user
from tests.support.passkeys import (
    BACKED_UP,
    BEGIN,
    LOG_IN,
    PRESENT,
    REGISTER,
    SYNCABLE,
    VERIFIED,
    Authenticator,
    log_in,
    options_for,
    register,
    registration_options,
    with_passkey,
)
from tests.support.second_factors import FACTORS
from tests.support.signing_in import ALICE, ME, THROTTLED, ClientOf, tags
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import Passkey, PasskeyChallenge, Session

REFUSED = [("PASSKEY_INVALID", "credential")]
REFUSED_FACTOR = [("PASSKEY_INVALID", "passkey")]
Tamper = Callable[[Authenticator], object]


# Registering -----------------------------------------------------------------------------


def test_passkey_is_registered_as_its_device_made_it(client_of: ClientOf, alice: User) -> None:
    client, device = client_of(alice), Authenticator()
    options = registration_options(client)
    assert options["rp"] == {"id": "testserver", "name": "Roster"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"

    answer = client(REGISTER, name="  My   phone ", credential=device.create(options))
    done = answer.data["registerPasskey"]
    assert done["errors"] == []
    assert done["passkey"]["name"] == "My phone"
    assert done["user"] == {"username": "alice", "secondFactors": ["PASSKEY"]}
    assert len(done["recoveryCodes"]) == 10
    (found,) = client(FACTORS).data["me"]["passkeys"]["nodes"]
    assert (found["isSyncable"], found["isBackedUp"], found["lastUsedAt"]) == (False, False, None)
    assert tags() == ["factor:user:enroll"]
    assert Session.objects.get().methods == ["pwd", "hwk", "user", "mfa"]


def test_synced_passkey_is_reported(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    device = Authenticator(flags=PRESENT | VERIFIED | SYNCABLE | BACKED_UP, counts=False)
    register(client, device)
    (found,) = client(FACTORS).data["me"]["passkeys"]["nodes"]
    assert (found["isSyncable"], found["isBackedUp"]) == (True, True)
    for _time in range(2):
        assert log_in(device).problems == []
    assert Session.objects.order_by("-pk")[0].methods == ["swk", "user", "mfa"]


def test_second_passkey_creates_no_codes_and_ends_no_sessions(
    client_of: ClientOf, alice: User
) -> None:
    client = client_of(alice)
    device = with_passkey(client)
    options = registration_options(client)
    assert [each["type"] for each in options["excludeCredentials"]] == ["public-key"]
    answer = client(REGISTER, name="Key", credential=Authenticator().create(options))
    assert answer.data["registerPasskey"]["recoveryCodes"] is None
    assert log_in(device).problems == []


TAMPERINGS: dict[str, Tamper] = {
    "another origin": lambda device: setattr(device, "origin", "http://testserver.evil.example"),
    "another port": lambda device: setattr(device, "origin", "http://testserver:8080"),
    "another rp": lambda device: setattr(device, "rp_id", "evil.example"),
    "person not verified": lambda device: setattr(device, "flags", PRESENT),
    "person not present": lambda device: setattr(device, "flags", VERIFIED),
    "backed up but not syncable": lambda device: setattr(
        device, "flags", PRESENT | VERIFIED | BACKED_UP
    ),
    "in another site's frame": lambda device: setattr(device, "cross_origin", True),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_foreign_registration_is_refused(client_of: ClientOf, alice: User, tampering: str) -> None:
    client, device = client_of(alice), Authenticator()
    TAMPERINGS[tampering](device)
    credential = device.create(registration_options(client))
    assert client(REGISTER, name="Phone", credential=credential).problems == REFUSED
    assert not Passkey.objects.exists()
    assert not User.objects.get().second_factors
    assert tags() == ["factor:user:refuse"]


def test_registration_is_bound_to_its_challenge_session_and_type(
    client_of: ClientOf, alice: User
) -> None:
    client, other, device = client_of(alice), client_of(alice), Authenticator()
    options = registration_options(client)
    for credential, asker in (
        (device.create(options, challenge="A" * 43), client),
        (device.create(options), other),
        (device.create(options, type="webauthn.get"), client),
        # The previous response consumed the challenge.
        (device.create(options), client),
    ):
        assert asker(REGISTER, name="Phone", credential=credential).problems == REFUSED
    assert not Passkey.objects.exists()


def test_old_challenge_is_refused(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    credential = Authenticator().create(registration_options(client))
    PasskeyChallenge.objects.update(expires_at=timezone.now())
    assert client(REGISTER, name="Phone", credential=credential).problems == REFUSED


def test_challenge_of_a_log_in_registers_nothing(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    options = registration_options(client) | {"challenge": options_for("LOG_IN")["challenge"]}
    credential = Authenticator().create(options)
    assert client(REGISTER, name="Phone", credential=credential).problems == REFUSED


def test_passkey_belongs_to_one_user(client_of: ClientOf, alice: User, bob: User) -> None:
    device = with_passkey(client_of(alice))
    client = client_of(bob)
    options, copy = registration_options(client), Authenticator()
    credential = copy.create(options)
    # Bob's device claims the credential id of Alice's.
    Passkey.objects.update(credential_id=copy.credentials[0].id)
    answer = client(REGISTER, name="Mine", credential=credential)
    assert answer.problems == [("PASSKEY_TAKEN", "credential")]
    assert Passkey.objects.get().user_id == alice.pk
    assert not User.objects.get(pk=bob.pk).second_factors
    assert len(device.credentials) == 1


def test_invalid_name_keeps_the_challenge(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    credential = Authenticator().create(registration_options(client))
    for name in (" ", "x" * 101):
        answer = client(REGISTER, name=name, credential=credential)
        assert answer.problems == [("VALUE_INVALID", "name")]
    assert client(REGISTER, name="Phone", credential=credential).problems == []


def test_number_of_passkeys_is_limited(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    with_passkey(client)
    (one,) = Passkey.objects.all()
    Passkey.objects.bulk_create(
        Passkey(
            user=alice,
            name=str(number),
            credential_id=bytes([number]),
            public_key=one.public_key,
            aaguid=one.aaguid,
            is_syncable=False,
            is_backed_up=False,
        )
        for number in range(19)
    )
    credential = Authenticator().create(registration_options(client))
    answer = client(REGISTER, name="One more", credential=credential)
    assert answer.problems == [("TOO_MANY_PASSKEYS", "")]
    assert Passkey.objects.count() == 20


# Logging in ------------------------------------------------------------------------------


def test_passkey_alone_counts_as_two_factors(client_of: ClientOf, alice: User) -> None:
    device = with_passkey(client_of(alice))
    options = options_for("LOG_IN")
    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    answer = GraphQLClient()(LOG_IN, credential=device.get(options))
    (payload,) = answer.data.values()
    assert payload["user"] == {"username": "alice"}
    session = Session.objects.order_by("-pk")[0]
    assert (session.aal, session.methods) == (2, ["hwk", "user", "mfa"])
    assert session.factor_at == session.authenticated_at
    assert GraphQLClient(payload["accessToken"])(ME).data == ALICE
    assert tags()[-1] == "session:user:log_in"


def test_browser_gets_a_cookie_for_its_passkey(client_of: ClientOf, alice: User) -> None:
    device, client = with_passkey(client_of(alice)), GraphQLClient()
    credential = device.get(options_for("LOG_IN"))
    answer = client(LOG_IN, credential=credential, transport="COOKIE")
    assert answer.data["logInWithPasskey"]["accessToken"] is None
    assert client(ME).data == ALICE


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_foreign_assertion_is_refused(client_of: ClientOf, alice: User, tampering: str) -> None:
    device = with_passkey(client_of(alice))
    sessions = Session.objects.count()
    TAMPERINGS[tampering](device)
    assert log_in(device).problems == REFUSED
    assert Session.objects.count() == sessions
    (event,) = Event.objects.filter(tag="session:user:refuse_log_in")
    assert (event.subject_id, event.data) == (alice.pk, {"method": "passkey"})


def test_assertion_is_single_use(client_of: ClientOf, alice: User) -> None:
    device = with_passkey(client_of(alice))
    credential = device.get(options_for("LOG_IN"))
    assert GraphQLClient()(LOG_IN, credential=credential).problems == []
    assert GraphQLClient()(LOG_IN, credential=credential).problems == REFUSED


def test_failed_assertion_consumes_its_challenge(client_of: ClientOf, alice: User) -> None:
    device = with_passkey(client_of(alice))
    options = options_for("LOG_IN")
    bad = device.get(options, type="webauthn.create")
    assert GraphQLClient()(LOG_IN, credential=bad).problems == REFUSED
    assert GraphQLClient()(LOG_IN, credential=device.get(options)).problems == REFUSED


@pytest.mark.parametrize(
    "overrides",
    [
        {"challenge": "A" * 43},
        {"type": "webauthn.create"},
        {"user_handle": None},
        {"user_handle": b"x" * 16},
    ],
    ids=["challenge", "type", "no person", "another person"],
)
def test_response_to_another_challenge_is_refused(
    client_of: ClientOf, alice: User, overrides: dict[str, Any]
) -> None:
    device = with_passkey(client_of(alice))
    assert log_in(device, **overrides).problems == REFUSED


def test_signature_by_another_key_is_refused(client_of: ClientOf, alice: User, bob: User) -> None:
    device = with_passkey(client_of(alice))
    stranger = with_passkey(client_of(bob))
    device.credentials[0].key = stranger.credentials[0].key
    assert log_in(device).problems == REFUSED


def test_copied_passkey_is_found_by_its_counter(client_of: ClientOf, alice: User) -> None:
    device = with_passkey(client_of(alice))
    for _time in range(3):
        assert log_in(device).problems == []
    assert Passkey.objects.get().sign_count == 3
    for count in (1, 2):
        device.credentials[0].count = count
        assert log_in(device).problems == REFUSED
    assert Passkey.objects.get().sign_count == 3


def test_unknown_passkey_and_suspended_user_are_refused(client_of: ClientOf, alice: User) -> None:
    device = with_passkey(client_of(alice))
    User.objects.update(is_active=False)
    assert log_in(device).problems == REFUSED
    User.objects.update(is_active=True)
    Passkey.objects.all().delete()
    assert log_in(device).problems == REFUSED
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_assertions_create_one_session(client_of: ClientOf) -> None:
    device = with_passkey(client_of(make_user("alice")))
    credential = device.get(options_for("LOG_IN"))
    answers = run_concurrently(*[lambda: GraphQLClient()(LOG_IN, credential=credential)] * 4)
    assert sorted(answer.problems for answer in answers) == [[], REFUSED, REFUSED, REFUSED]


def test_anonymous_challenges_are_throttled(db: None, settings: Any) -> None:
    settings.LOG_INS_PER_ADDRESS = 3
    for _time in range(3):
        options_for("LOG_IN")
    assert GraphQLClient()(BEGIN, use="LOG_IN").codes == THROTTLED
    assert GraphQLClient()(LOG_IN, credential={}).codes == THROTTLED
    assert tags() == []


def test_valid_assertions_are_refunded(client_of: ClientOf, alice: User, settings: Any) -> None:
    settings.LOG_INS_PER_ADDRESS = 3
    device = with_passkey(client_of(alice))
    for _time in range(4):
        assert log_in(device).problems == []


DEEP = "[" * 50_000


@pytest.mark.parametrize(
    "credential",
    [
        *({}, [], 1, None, "x", {"id": 1}),
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}},
        *(
            {
                "id": "AA",
                "rawId": "AA",
                "type": "public-key",
                "response": {
                    "clientDataJSON": client_data,
                    "authenticatorData": "AA",
                    "signature": "AA",
                    "attestationObject": "oA",
                },
            }
            for client_data in ("", "AA", "bnVsbA", "W10", "eyJ0eXBlIjoxfQ", "é", "A")
        ),
    ],
    ids=str,
)
def test_malformed_input_is_refused(client_of: ClientOf, alice: User, credential: Any) -> None:
    client = client_of(alice)
    for document, more in ((LOG_IN, {}), (REGISTER, {"name": "x"})):
        answer = client(document, credential=credential, **more)
        if credential is None:
            assert answer.codes == ["GRAPHQL_VARIABLES_INVALID"]
        else:
            assert answer.problems == REFUSED


def test_malformed_part_of_a_response_is_refused(client_of: ClientOf, alice: User) -> None:
    """Malform each part in turn, with a new challenge, so that the library parses it."""
    client = client_of(alice)
    device = with_passkey(client)
    values: tuple[Any, ...] = ("", "AA", "oA", "_w", "A" * 5_000, "W1tbW1tb", 1, None, [], {}, "%")
    for part in ("authenticatorData", "signature", "userHandle"):
        for value in values:
            credential = device.get(options_for("LOG_IN"))
            credential["response"][part] = value
            assert GraphQLClient()(LOG_IN, credential=credential).problems == REFUSED
    for value in values:
        credential = device.create(registration_options(client))
        credential["response"]["attestationObject"] = value
        assert client(REGISTER, name="x", credential=credential).problems == REFUSED
    nested = json.dumps({"type": "webauthn.get"})[:-1] + f', "x": {DEEP}'
    credential["response"]["clientDataJSON"] = _base64url(nested.encode())
    for document, more in ((LOG_IN, {}), (REGISTER, {"name": "x"})):
        assert client(document, credential=credential, **more).problems == REFUSED
    assert Passkey.objects.count() == 1


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
