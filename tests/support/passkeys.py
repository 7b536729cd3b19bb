"""A software authenticator with real attestations and assertions.

It creates discoverable credentials with P-256 keys (Web Authentication Level 3, sections 6.1 and
6.3) and returns the JSON of browsers.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.client import Answer, GraphQLClient
from tests.support.second_factors import ERRORS

ORIGIN: Final = "http://testserver"
RP_ID: Final = "testserver"
PRESENT, VERIFIED, SYNCABLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40

BEGIN_REGISTRATION: Final = f"mutation {{ beginPasskeyRegistration {{ options {ERRORS} }} }}"
REGISTER: Final = f"""
    mutation ($name: String!, $credential: JSON!) {{
      registerPasskey(input: {{name: $name, credential: $credential}}) {{
        recoveryCodes passkey {{ id name }} user {{ username secondFactors }} {ERRORS}
      }}
    }}
"""
RENAME: Final = f"""
    mutation ($id: ID!, $name: String!) {{
      renamePasskey(input: {{passkeyId: $id, name: $name}}) {{ passkey {{ name }} {ERRORS} }}
    }}
"""
REMOVE: Final = f"""
    mutation ($id: ID!) {{
      removePasskey(input: {{passkeyId: $id}}) {{ user {{ secondFactors }} {ERRORS} }}
    }}
"""
BEGIN: Final = f"""
    mutation ($use: PasskeyUse!, $token: String) {{
      beginPasskeyAuthentication(input: {{use: $use, mfaToken: $token}}) {{ options {ERRORS} }}
    }}
"""
LOG_IN: Final = f"""
    mutation ($credential: JSON!, $transport: Transport! = TOKEN) {{
      logInWithPasskey(input: {{credential: $credential, transport: $transport}}) {{
        accessToken refreshToken user {{ username }} {ERRORS}
      }}
    }}
"""


@dataclass
class Credential:
    """A passkey and its user handle."""

    id: bytes
    key: ec.EllipticCurvePrivateKey
    user_handle: bytes
    count: int = 0


@dataclass
class Authenticator:
    """A device with passkeys, whose data can be falsified."""

    origin: str = ORIGIN
    rp_id: str = RP_ID
    flags: int = PRESENT | VERIFIED
    cross_origin: bool = False
    # False for synchronised passkeys, which have no signature counter.
    counts: bool = True
    credentials: list[Credential] = field(default_factory=list)

    def create(self, options: dict[str, Any], **overrides: Any) -> dict[str, Any]:
        """Create a passkey (`navigator.credentials.create`)."""
        handle = _bytes(options["user"]["id"])
        key = ec.generate_private_key(ec.SECP256R1())
        credential = Credential(secrets.token_bytes(32), key, handle)
        self.credentials.append(credential)
        attested = bytes(16) + len(credential.id).to_bytes(2, "big") + credential.id + _cose(key)
        data = self._data(credential, ATTESTED) + attested
        client_data = self._client_data("webauthn.create", options["challenge"], overrides)
        statement = {"fmt": "none", "attStmt": {}, "authData": data}
        response = {
            "clientDataJSON": _text(client_data),
            "attestationObject": _text(cbor2.dumps(statement)),
            "transports": ["internal"],
        }
        return _answer(credential, response)

    def get(self, options: dict[str, Any], **overrides: Any) -> dict[str, Any]:
        """Sign with the newest passkey (`navigator.credentials.get`)."""
        allowed = {_bytes(each["id"]) for each in options.get("allowCredentials", [])}
        credential = next(
            each for each in reversed(self.credentials) if not allowed or each.id in allowed
        )
        credential.count += self.counts
        data = self._data(credential)
        client_data = self._client_data("webauthn.get", options["challenge"], overrides)
        signature = credential.key.sign(
            data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256())
        )
        handle = overrides.get("user_handle", credential.user_handle)
        response = {
            "clientDataJSON": _text(client_data),
            "authenticatorData": _text(data),
            "signature": _text(signature),
        } | ({} if handle is None else {"userHandle": _text(handle)})
        return _answer(credential, response)

    def _data(self, credential: Credential, more: int = 0) -> bytes:
        hashed = hashlib.sha256(self.rp_id.encode()).digest()
        return hashed + bytes([self.flags | more]) + credential.count.to_bytes(4, "big")

    def _client_data(self, type_: str, challenge: str, overrides: dict[str, Any]) -> bytes:
        return json.dumps(
            {
                "type": overrides.get("type", type_),
                "challenge": overrides.get("challenge", challenge),
                "origin": self.origin,
                "crossOrigin": self.cross_origin,
            }
        ).encode()


def registration_options(client: GraphQLClient) -> dict[str, Any]:
    answer = client(BEGIN_REGISTRATION)
    assert answer.problems == []
    options: dict[str, Any] = answer.data["beginPasskeyRegistration"]["options"]
    return options


def options_for(use: str, client: GraphQLClient | None = None, **token: str) -> dict[str, Any]:
    answer = (client or GraphQLClient())(BEGIN, use=use, **token)
    assert answer.problems == []
    options: dict[str, Any] = answer.data["beginPasskeyAuthentication"]["options"]
    return options


def register(client: GraphQLClient, device: Authenticator, name: str = "Phone") -> str:
    """Register a new passkey of the device; return its id."""
    credential = device.create(registration_options(client))
    answer = client(REGISTER, name=name, credential=credential)
    assert answer.problems == []
    id_: str = answer.data["registerPasskey"]["passkey"]["id"]
    return id_


def log_in(device: Authenticator, client: GraphQLClient | None = None, **overrides: Any) -> Answer:
    credential = device.get(options_for("LOG_IN"), **overrides)
    return (client or GraphQLClient())(LOG_IN, credential=credential)


def with_passkey(client: GraphQLClient) -> Authenticator:
    """Return a device with a passkey of the client's user."""
    device = Authenticator()
    register(client, device)
    return device


def _answer(credential: Credential, response: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": _text(credential.id),
        "rawId": _text(credential.id),
        "type": "public-key",
        "response": response,
        "clientExtensionResults": {},
        "authenticatorAttachment": "platform",
    }


def _cose(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key in COSE (RFC 9053, section 7.1)."""
    point = key.public_key().public_numbers()
    x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
