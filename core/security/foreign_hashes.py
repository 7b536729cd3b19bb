"""Password hashes of other systems, as they are stored for imported users.

Formats are parsed strictly, and their cost is limited before any hashing: an absurd parameter would
be a denial of service at each log-in.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any, Final

from django.conf import settings

from core.security.hashers import (
    ARGON2_KIB,
    ARGON2_LANE_PASSES,
    BCRYPT_ROUNDS,
    DIGEST_BYTES,
    MAX_MEMORY_KIB,
    SCRYPT_BLOCKS,
    FirebaseHash,
    FirebaseScryptHasher,
    KeycloakHash,
    KeycloakSha1Hasher,
    KeycloakSha256Hasher,
    KeycloakSha512Hasher,
    scrypt_memory_kib,
)

# The width of `User.password`.
MAX_LENGTH: Final = 128
# Of the text of a credential in JSON, which has more parts than are stored.
MAX_TEXT: Final = 4_000
# By SHA-512 a second and a half of one core, by others half a second.
MAX_PBKDF2_ITERATIONS: Final = 2_000_000
MAX_ARGON2_LANES: Final = 16
# Beyond them, the limits on memory and blocks do not bound scrypt: it derives p·r blocks by PBKDF2.
MAX_SCRYPT_BLOCK_SIZE: Final = 64
MAX_SCRYPT_PARALLELISM: Final = 32
MIN_ARGON2_SALT: Final = 8
MIN_DIGEST: Final = 16

# Django and Argon2 compare texts, so numbers have one spelling.
NUMBER: Final = r"[1-9][0-9]{0,8}"
# Printable ASCII without the separator.
SALT: Final = r"[!-#%-~]+"
BCRYPT: Final = re.compile(
    r"(?:(bcrypt|bcrypt_sha256)\$)?\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})"
)
BCRYPT_ALPHABET: Final = f"./{ascii_uppercase}{ascii_lowercase}{digits}"
PBKDF2: Final = re.compile(
    rf"(?:pbkdf2_sha256\$({NUMBER})\${SALT}\$[A-Za-z0-9+/]{{43}}="
    rf"|pbkdf2_sha1\$({NUMBER})\${SALT}\$[A-Za-z0-9+/]{{27}}=)"
)
SCRYPT: Final = re.compile(
    rf"scrypt\$({NUMBER})\${SALT}\$({NUMBER})\$({NUMBER})\$[A-Za-z0-9+/]{{86}}=="
)
ARGON2: Final = re.compile(
    r"(?:argon2)?(\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?"
    rf"m=({NUMBER}),t=({NUMBER}),p=({NUMBER})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+))"
)
KEYCLOAK_PBKDF2: Final[Mapping[str, KeycloakSha512Hasher]] = {
    "pbkdf2": KeycloakSha1Hasher(),
    "pbkdf2-sha256": KeycloakSha256Hasher(),
    "pbkdf2-sha512": KeycloakSha512Hasher(),
}
ARGON2_VERSIONS: Final = {"1.0": 16, "1.3": 19}


class UnknownHashError(ValueError):
    """The text is not a hash of a supported format."""


class CostlyHashError(ValueError):
    """Verifying the hash would take too much time or memory."""


def to_stored_hash(text: str, *, salt: str = "") -> str:
    """Return a hash of another system as `PASSWORD_HASHERS` verify it.

    Recognised are Django's hashes, bcrypt's of any system, Argon2's in the PHC string format,
    Keycloak's credentials in JSON and, with ``salt``, Firebase's. Raises `UnknownHashError` and
    `CostlyHashError`.
    """
    if len(text) > MAX_TEXT or len(salt) > MAX_TEXT:
        raise UnknownHashError("too long")
    if salt:
        stored = _firebase(text, salt)
    elif text.startswith("{"):
        stored = _keycloak(text)
    else:
        stored = _modular(text)
    if len(stored) > MAX_LENGTH:
        raise UnknownHashError("too long to be stored")
    return stored


def _modular(text: str) -> str:
    for pattern, store in PATTERNS.items():
        if match := pattern.fullmatch(text):
            return store(match)
    raise UnknownHashError("no supported format")


def _bcrypt(match: re.Match[str]) -> str:
    algorithm, cost, salt, digest = match.groups()
    _check(1 << int(cost) <= BCRYPT_ROUNDS)
    if int(cost) < 4:  # noqa: PLR2004 - bcrypt's own minimum
        raise UnknownHashError("bcrypt's cost is at least 4")
    # 2a, 2b and 2y name the same function, except for defects of old implementations. The last
    # characters have unused bits: PHP keeps those of a salt, and the library refuses them.
    return f"{algorithm or 'bcrypt'}$$2b${cost}${_without_bits(salt, 4)}{_without_bits(digest, 2)}"


def _without_bits(text: str, unused: int) -> str:
    """Return a text in bcrypt's base64 with the last character's unused bits at zero."""
    last = BCRYPT_ALPHABET.index(text[-1])
    return text[:-1] + BCRYPT_ALPHABET[last >> unused << unused]


def _pbkdf2(match: re.Match[str]) -> str:
    _check(int(match[1] or match[2]) <= MAX_PBKDF2_ITERATIONS)
    return match[0]


def _scrypt(match: re.Match[str]) -> str:
    work_factor, block_size, parallelism = (int(match[number]) for number in (1, 2, 3))
    _check_scrypt(work_factor, block_size, parallelism)
    return match[0]


def _argon2(match: re.Match[str]) -> str:
    memory, passes, lanes = (int(match[number]) for number in (2, 3, 4))
    salt, digest = (_bytes_of(match[number]) for number in (5, 6))
    _check(memory <= MAX_MEMORY_KIB and lanes <= MAX_ARGON2_LANES)
    _check(memory * passes <= ARGON2_KIB and lanes * passes <= ARGON2_LANE_PASSES)
    if memory < 8 * lanes:
        raise UnknownHashError("impossible parameters (RFC 9106, section 3.1)")
    if salt < MIN_ARGON2_SALT or digest < MIN_DIGEST:
        raise UnknownHashError("a salt or a digest is too short")
    return f"argon2{match[1]}"


def _firebase(text: str, salt: str) -> str:
    config = settings.FIREBASE_SCRYPT
    if not config:
        raise UnknownHashError("FIREBASE_SCRYPT is not set")
    try:
        parts = FirebaseHash(
            config["mem_cost"],
            config["rounds"],
            _decoded(config["base64_salt_separator"]),
            _decoded(salt),
            _decoded(text),
        )
    except ValueError as error:
        raise UnknownHashError("malformed") from error
    _check_digest(parts.digest)
    _check_scrypt(1 << parts.mem_cost, parts.rounds, 1)
    return FirebaseScryptHasher().compose(parts)


def _keycloak(text: str) -> str:
    """Return the hash of a credential, as Keycloak's exports have it."""
    try:
        credential = json.loads(text)
        data, secret = (_object(credential[name]) for name in ("credentialData", "secretData"))
        algorithm, iterations = data["algorithm"], data["hashIterations"]
        salt, digest = _decoded(secret["salt"]), _decoded(secret["value"])
        if type(iterations) is not int or iterations < 1:
            raise UnknownHashError("no number of iterations")
        if algorithm == "argon2":
            return _modular(_phc(data["additionalParameters"], iterations, salt, digest))
        hasher = KEYCLOAK_PBKDF2[algorithm]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, UnknownHashError | CostlyHashError):
            raise
        raise UnknownHashError("not a credential of Keycloak") from error
    _check(iterations <= MAX_PBKDF2_ITERATIONS)
    _check_digest(digest[:DIGEST_BYTES])
    return hasher.compose(KeycloakHash(iterations, salt, digest))


def _phc(more: Mapping[str, Any], passes: int, salt: bytes, digest: bytes) -> str:
    """Return Keycloak's parameters of Argon2 in the PHC string format."""
    variant, memory, lanes = (more[name][0] for name in ("type", "memory", "parallelism"))
    version = ARGON2_VERSIONS[more.get("version", ["1.3"])[0]]
    values = "$".join(b64encode(each).decode().rstrip("=") for each in (salt, digest))
    return f"$argon2{variant}$v={version}$m={memory},t={passes},p={lanes}${values}"


def _object(value: Any) -> Any:
    """Return an object that an export has as such or as a text of JSON."""
    return json.loads(value) if isinstance(value, str) else value


def _decoded(text: str) -> bytes:
    """Return the bytes of a strict, padded base64 text. Raises `ValueError` and `TypeError`."""
    return b64decode(text, validate=True)


def _bytes_of(text: str) -> int:
    """Return the number of bytes of an unpadded base64 text."""
    if len(text) % 4 == 1:
        raise UnknownHashError("not base64")
    return len(text) * 3 // 4


def _check_digest(digest: bytes) -> None:
    if len(digest) < MIN_DIGEST:
        raise UnknownHashError("the digest is too short")


def _check_scrypt(work_factor: int, block_size: int, parallelism: int) -> None:
    is_power_of_two = work_factor > 1 and not work_factor & (work_factor - 1)
    if not is_power_of_two or work_factor >= 1 << min(16 * block_size, 64):
        raise UnknownHashError("impossible parameters (RFC 7914, section 2)")
    _check(block_size <= MAX_SCRYPT_BLOCK_SIZE and parallelism <= MAX_SCRYPT_PARALLELISM)
    _check(scrypt_memory_kib(work_factor, block_size) <= MAX_MEMORY_KIB)
    _check(work_factor * block_size * parallelism <= SCRYPT_BLOCKS)


def _check(is_affordable: bool) -> None:  # noqa: FBT001 - the condition
    if not is_affordable:
        raise CostlyHashError("too costly")


PATTERNS: Final[Mapping[re.Pattern[str], Callable[[re.Match[str]], str]]] = {
    BCRYPT: _bcrypt,
    PBKDF2: _pbkdf2,
    SCRYPT: _scrypt,
    ARGON2: _argon2,
}
