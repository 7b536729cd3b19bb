"""Argon2id with the cost from the settings, and hashers for the passwords of imported users.

A log-in replaces an imported hash by ours. Imported hashes are stored by
`core.security.foreign_hashes` only, which limits their cost.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from threading import Lock
from typing import Any, Final, NamedTuple, TypeAlias

import argon2
import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from django.conf import settings
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    BasePasswordHasher,
    BCryptPasswordHasher,
    BCryptSHA256PasswordHasher,
    PBKDF2PasswordHasher,
    PBKDF2SHA1PasswordHasher,
    ScryptPasswordHasher,
)
from prometheus_client import Histogram

from core.security.passwords import normalize_password, password_forms

# The largest memory of an imported hash: that of Django's Argon2, and a quarter more.
MAX_MEMORY_KIB: Final = 131_072
# What a log-in may spend on imported hashes, each about a second of one core: as many forms of the
# password are compared as it suffices for. All, for the default costs of Django, of Keycloak and of
# bcrypt.
BCRYPT_ROUNDS: Final = 1 << 14
PBKDF2_ITERATIONS: Final = 4_000_000
# SHA-512 takes more than twice the time of SHA-256.
PBKDF2_SHA512_ITERATIONS: Final = 1_600_000
SCRYPT_BLOCKS: Final = 2**21
ARGON2_KIB: Final = 2**20
# Argon2 starts four threads for each lane and pass, each some 50 µs.
ARGON2_LANE_PASSES: Final = 2_048
# The bytes of an imported digest that are stored and compared.
DIGEST_BYTES: Final = 32
# bcrypt ignores what follows in a password.
BCRYPT_BYTES: Final = 72
large_memory: Final = Lock()

ARGON2_SECONDS: Final = Histogram(
    "argon2_seconds",
    "Duration of Argon2, by operation: hash or verify.",
    ["operation"],
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0),
)
HASHING, VERIFYING = map(ARGON2_SECONDS.labels, ("hash", "verify"))


@contextmanager
def limited_memory(kib: int) -> Iterator[None]:
    """Wait while another thread verifies a hash that takes more memory than ours do.

    So a process needs the memory of one such hash, not of one per thread.
    """
    if kib <= settings.ARGON2_MEMORY_KIB:
        yield
        return
    with large_memory:
        yield


Verify: TypeAlias = Callable[[Any, str, str], bool]


def in_forms(affordable: Callable[[str], int]) -> Callable[[Verify], Verify]:
    """Let ``verify`` compare the forms of a password, which differ for few.

    ``affordable`` returns how many of them a log-in has time for, by the hash. The first is always
    compared.
    """

    def decorate(verify: Verify) -> Verify:
        @wraps(verify)
        def verify_forms(hasher: Any, password: str, encoded: str) -> bool:
            forms = islice(password_forms(password), max(1, affordable(encoded)))
            return any(verify(hasher, form, encoded) for form in forms)

        return verify_forms

    return decorate


def _affordable_argon2(encoded: str) -> int:
    cost = argon2.extract_parameters(encoded.removeprefix("argon2"))
    return min(
        ARGON2_KIB // (cost.memory_cost * cost.time_cost),
        ARGON2_LANE_PASSES // (cost.parallelism * cost.time_cost),
    )


def _affordable_bcrypt(encoded: str) -> int:
    _algorithm, _empty, _version, cost, _rest = encoded.split("$", 4)
    return BCRYPT_ROUNDS >> int(cost)


def _affordable_pbkdf2(encoded: str) -> int:
    algorithm, iterations, _rest = encoded.split("$", 2)
    is_sha512 = algorithm == KeycloakSha512Hasher.algorithm
    return (PBKDF2_SHA512_ITERATIONS if is_sha512 else PBKDF2_ITERATIONS) // int(iterations)


def _affordable_scrypt(encoded: str) -> int:
    _algorithm, work_factor, _salt, block_size, parallelism, _rest = encoded.split("$", 5)
    return SCRYPT_BLOCKS // (int(work_factor) * int(block_size) * int(parallelism))


def _affordable_firebase(encoded: str) -> int:
    _algorithm, mem_cost, rounds, _rest = encoded.split("$", 3)
    return SCRYPT_BLOCKS // (int(rounds) << int(mem_cost))


class Argon2idHasher(Argon2PasswordHasher):
    """Django's Argon2 hasher; after a change of cost, the next log-in rehashes a password."""

    parallelism = 1

    @property
    def time_cost(self) -> int:  # type: ignore[override]
        """The number of passes over the memory."""
        return settings.ARGON2_PASSES

    @property
    def memory_cost(self) -> int:  # type: ignore[override]
        """The memory in KiB."""
        return settings.ARGON2_MEMORY_KIB

    def encode(self, password: str, salt: str) -> str:
        """Return the hash of the normalised password."""
        with HASHING.time():
            return super().encode(normalize_password(password), salt)

    @in_forms(_affordable_argon2)
    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password matches a hash of any variant and cost."""
        parameters = argon2.extract_parameters(encoded.removeprefix("argon2"))
        with limited_memory(parameters.memory_cost), VERIFYING.time():
            return super().verify(password, encoded)


class BcryptHasher(BCryptPasswordHasher):
    """Django's bcrypt hasher, which ignores bytes after the 72nd as other systems do."""

    @in_forms(_affordable_bcrypt)
    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password matches."""
        _algorithm, data = encoded.split("$", 1)
        return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], data.encode())


class BcryptSha256Hasher(BCryptSHA256PasswordHasher):
    """Django's hasher."""

    verify = in_forms(_affordable_bcrypt)(BCryptSHA256PasswordHasher.verify)  # type: ignore[assignment]


class Pbkdf2Hasher(PBKDF2PasswordHasher):
    """Django's hasher."""

    verify = in_forms(_affordable_pbkdf2)(PBKDF2PasswordHasher.verify)  # type: ignore[assignment]


class Pbkdf2Sha1Hasher(PBKDF2SHA1PasswordHasher):
    """Django's hasher."""

    verify = in_forms(_affordable_pbkdf2)(PBKDF2SHA1PasswordHasher.verify)  # type: ignore[assignment]


class ScryptHasher(ScryptPasswordHasher):
    """Django's scrypt hasher, with a limit on memory above OpenSSL's default."""

    # OpenSSL counts some buffers, too.
    maxmem = 2 * MAX_MEMORY_KIB * 1_024

    @in_forms(_affordable_scrypt)
    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password matches."""
        _algorithm, work_factor, _salt, block_size, _rest = encoded.split("$", 4)
        with limited_memory(scrypt_memory_kib(int(work_factor), int(block_size))):
            return super().verify(password, encoded)


def scrypt_memory_kib(work_factor: int, block_size: int) -> int:
    """Return the memory that scrypt takes (RFC 7914, section 2)."""
    return work_factor * block_size // 8


class KeycloakHash(NamedTuple):
    """The parts of a hash of Keycloak; the salt has any bytes, unlike Django's."""

    iterations: int
    salt: bytes
    digest: bytes


class KeycloakSha512Hasher(BasePasswordHasher):
    """Keycloak's `pbkdf2-sha512`, of which the first 32 bytes are stored.

    A shorter output of PBKDF2 is a prefix of a longer one (RFC 8018, section 5.2).
    """

    algorithm = "keycloak_pbkdf2_sha512"
    digest_name = "sha512"

    def compose(self, parts: KeycloakHash) -> str:
        """Return the hash as it is stored."""
        salt, digest = to_base64(parts.salt), to_base64(parts.digest[:DIGEST_BYTES])
        return f"{self.algorithm}${parts.iterations}${salt}${digest}"

    def decode(self, encoded: str) -> Any:
        """Return the parts of a stored hash."""
        _algorithm, iterations, salt, digest = encoded.split("$")
        return KeycloakHash(int(iterations), base64.b64decode(salt), base64.b64decode(digest))

    @in_forms(_affordable_pbkdf2)
    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password matches."""
        parts = self.decode(encoded)
        derived = hashlib.pbkdf2_hmac(
            self.digest_name, password.encode(), parts.salt, parts.iterations, len(parts.digest)
        )
        return secrets.compare_digest(derived, parts.digest)


class KeycloakSha256Hasher(KeycloakSha512Hasher):
    """Keycloak's `pbkdf2-sha256`."""

    algorithm = "keycloak_pbkdf2_sha256"
    digest_name = "sha256"


class KeycloakSha1Hasher(KeycloakSha512Hasher):
    """Keycloak's `pbkdf2`."""

    algorithm = "keycloak_pbkdf2_sha1"
    digest_name = "sha1"


class FirebaseHash(NamedTuple):
    """The parts of a hash of Firebase; the signer key is a setting."""

    mem_cost: int
    rounds: int
    salt_separator: bytes
    salt: bytes
    digest: bytes


class FirebaseScryptHasher(BasePasswordHasher):
    """Firebase's scrypt: the derived key encrypts the signer key, of which 32 bytes are stored.

    AES-CTR encrypts a prefix to a prefix. Without the signer key no password matches.
    """

    algorithm = "firebase_scrypt"

    def compose(self, parts: FirebaseHash) -> str:
        """Return the hash as it is stored."""
        texts = (
            to_base64(part)
            for part in (parts.salt_separator, parts.salt, parts.digest[:DIGEST_BYTES])
        )
        return "$".join((self.algorithm, str(parts.mem_cost), str(parts.rounds), *texts))

    def decode(self, encoded: str) -> Any:
        """Return the parts of a stored hash."""
        _algorithm, mem_cost, rounds, *texts = encoded.split("$")
        return FirebaseHash(int(mem_cost), int(rounds), *map(base64.b64decode, texts))

    @in_forms(_affordable_firebase)
    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password matches."""
        parts = self.decode(encoded)
        work_factor = 1 << parts.mem_cost
        with limited_memory(scrypt_memory_kib(work_factor, parts.rounds)):
            key = hashlib.scrypt(
                password.encode(),
                salt=parts.salt + parts.salt_separator,
                n=work_factor,
                r=parts.rounds,
                p=1,
                maxmem=ScryptHasher.maxmem,
                dklen=32,
            )
        signer_key = settings.FIREBASE_SCRYPT.get("base64_signer_key", "")
        cipher = Cipher(AES(key), CTR(bytes(16))).encryptor()
        signed = cipher.update(base64.b64decode(signer_key)[:DIGEST_BYTES])
        return secrets.compare_digest(signed, parts.digest)


def to_base64(data: bytes) -> str:
    """Return the bytes in base64, padded."""
    return base64.b64encode(data).decode()
