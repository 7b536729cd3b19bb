"""Password hashes of other systems: recognised strictly, limited in cost, and verified.

Vectors come from the formats' own documentation and tests.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import argon2
import bcrypt
import pytest
from argon2.low_level import Type, hash_secret
from django.contrib.auth.hashers import check_password, identify_hasher

from core.security.foreign_hashes import CostlyHashError, UnknownHashError, to_stored_hash

# https://github.com/firebase/scrypt, README.
FIREBASE = {
    "base64_signer_key": (
        "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
    ),
    "base64_salt_separator": "Bw==",
    "rounds": 8,
    "mem_cost": 14,
}
FIREBASE_SALT = "42xEC+ixf3L2lw=="
FIREBASE_HASH = (
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)
SCRYPT = "ECMIUp+LMxMSK8xB/IVyba+KYGTI7FTnet025q/1f/vBAVnnP3hdYqJuRi+mJn6ji6ze3Fbb7JEFPKGpuEf5vw=="
BCRYPT = "BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"


def keycloak(
    value: str, salt: str, iterations: int = 27_500, algorithm: str = "pbkdf2-sha256", **more: str
) -> str:
    """Return a credential as Keycloak's exports have it."""
    data = {
        "hashIterations": iterations,
        "algorithm": algorithm,
        "additionalParameters": {name: [text] for name, text in more.items()},
    }
    secret = {"value": value, "salt": salt, "additionalParameters": {}}
    return json.dumps({"credentialData": json.dumps(data), "secretData": json.dumps(secret)})


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def made_by_keycloak(password: str, algorithm: str, digest: str, length: int) -> str:
    salt = bytes(range(16))
    derived = hashlib.pbkdf2_hmac(digest, password.encode(), salt, 1_000, length)
    return keycloak(base64_of(derived), base64_of(salt), 1_000, algorithm)


def made_by_argon2(variant: Type, version: int) -> str:
    return hash_secret(b"secret", b"some salt", 1, 64, 2, 32, variant, version).decode()


# The typed form, NFC and NFD differ.
THREE_FORMS = "e\u0301\u0323é"


def counted(
    monkeypatch: pytest.MonkeyPatch, results: Mapping[tuple[Any, str], object]
) -> list[str]:
    """Replace functions of libraries, which would take seconds; return the names of calls."""
    calls: list[str] = []

    def replace(name: str, result: object) -> Callable[..., object]:
        def call(*_args: object, **_options: object) -> object:
            calls.append(name)
            return result

        return call

    for (place, name), result in results.items():
        monkeypatch.setattr(place, name, replace(name, result))
    return calls


VECTORS = {
    # Django's tests/auth_tests/test_hashers.py, of 5.2 and earlier.
    "pbkdf2_sha256": (
        "pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps=",
        "lètmein",
    ),
    "pbkdf2_sha1": ("pbkdf2_sha1$260000$seasalt2$wAibXvW6jgvatCdONi6SMJ6q7mI=", "lètmein"),
    "scrypt": (f"scrypt$16384$seasalt$8$5${SCRYPT}", "lètmein"),
    # PHP's manual, password_verify.
    "bcrypt of PHP": (f"$2y$07${BCRYPT}", "rasmuslerdorf"),
    # PHP's manual, crypt.
    "bcrypt of crypt": (
        "$2a$07$usesomesillystringfore2uDLvp1Ii2e./U9C8sBjqp8I90dH6hi",
        "rasmuslerdorf",
    ),
    # https://github.com/bcrypt-ruby/bcrypt-ruby, README.
    "bcrypt of Rails": (
        "$2a$12$K0ByB.6YI2/OYrB4fQOYLe6Tv0datUVf6VZ/2Jzwm879BW5K1cHey",
        "my password",
    ),
    "bcrypt": (f"bcrypt$$2b$07${BCRYPT}", "rasmuslerdorf"),
    # https://github.com/P-H-C/phc-winner-argon2, README.
    "Argon2": (
        "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG",
        "password",
    ),
    # Realms of public demos: solo.io's (PBKDF2) and Lakekeeper's (Argon2).
    "Keycloak's PBKDF2": (
        keycloak("JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=", "P5rtFkGtPfoaryJ6PizUJw=="),
        "password",
    ),
    "Keycloak's Argon2": (
        keycloak(
            "BuViHNDGmCq80fvpty/QoggTI8NSt0CuNDGgeoa5f5A=",
            "RJ0aLMQ2qKbZuROs7qQhcA==",
            5,
            "argon2",
            hashLength="32",
            memory="7168",
            type="id",
            version="1.3",
            parallelism="1",
        ),
        "iceberg",
    ),
    # Made by the libraries.
    "bcrypt_sha256": (
        "bcrypt_sha256$"
        + bcrypt.hashpw(hashlib.sha256(b"secret").hexdigest().encode(), bcrypt.gensalt(4)).decode(),
        "secret",
    ),
    "bcrypt of a long password": (
        bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode(),
        "x" * 72 + " and more",
    ),
    "Argon2d": (made_by_argon2(Type.D, 19), "secret"),
    "Argon2i, 1.0": (made_by_argon2(Type.I, 16), "secret"),
    "Argon2id of Django": ("argon2" + made_by_argon2(Type.ID, 19), "secret"),
    "Keycloak, SHA-512": (made_by_keycloak("secret", "pbkdf2-sha512", "sha512", 64), "secret"),
    "Keycloak, two blocks": (made_by_keycloak("secret", "pbkdf2-sha256", "sha256", 64), "secret"),
    "Keycloak, SHA-1": (made_by_keycloak("secret", "pbkdf2", "sha1", 20), "secret"),
}


@pytest.fixture(autouse=True)
def firebase(settings: Any) -> None:
    settings.FIREBASE_SCRYPT = FIREBASE


@pytest.mark.parametrize(("text", "password"), VECTORS.values(), ids=VECTORS)
def test_password_matches_its_hash_only(text: str, password: str) -> None:
    stored = to_stored_hash(text)
    assert len(stored) <= 128
    assert check_password(password, stored)
    assert not check_password("another password", stored)


def test_firebase_hash_needs_the_signer_key(settings: Any) -> None:
    stored = to_stored_hash(FIREBASE_HASH, salt=FIREBASE_SALT)
    assert len(stored) <= 128
    assert check_password("user1password", stored)
    assert not check_password("user2password", stored)
    settings.FIREBASE_SCRYPT = {}
    assert not check_password("user1password", stored)
    with pytest.raises(UnknownHashError):
        to_stored_hash(FIREBASE_HASH, salt=FIREBASE_SALT)


def test_forms_of_a_firebase_password_are_bounded(settings: Any, monkeypatch: Any) -> None:
    calls = counted(monkeypatch, {(hashlib, "scrypt"): bytes(32)})
    for rounds, count in ((8, 3), (64, 2)):
        settings.FIREBASE_SCRYPT = FIREBASE | {"rounds": rounds, "mem_cost": 14}
        stored = to_stored_hash(FIREBASE_HASH, salt=FIREBASE_SALT)
        calls.clear()
        assert not identify_hasher(stored).verify(THREE_FORMS, stored)
        assert len(calls) == count


def test_unused_bits_of_bcrypt_are_ignored() -> None:
    text = bcrypt.hashpw(b"secret", b"$2b$04$" + b"." * 22).decode()
    assert text[28] == "."
    after = chr(ord(text[-1]) + 1)
    assert check_password("secret", to_stored_hash(f"{text[:28]}/{text[29:-1]}{after}"))


def test_stored_hashes_are_recognised_again() -> None:
    texts = [to_stored_hash(text) for text, _password in VECTORS.values()]
    own = [text for text in texts if not text.startswith("keycloak")]
    assert [to_stored_hash(text) for text in own] == own


PBKDF2_OF = "pbkdf2_sha256${}$salt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps="
ARGON2_OF = "$argon2id$v=19$m={},t={},p={}$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG"
COSTLY = {
    "bcrypt": f"$2y$31${BCRYPT}",
    "PBKDF2": PBKDF2_OF.format(999_999_999),
    "scrypt's memory": f"scrypt$1048576$salt$8$1${SCRYPT}",
    "scrypt's time": f"scrypt$16384$salt$8$999999999${SCRYPT}",
    "Argon2's memory": ARGON2_OF.format(4_000_000, 1, 1),
    "Argon2's time": ARGON2_OF.format(65_536, 999, 1),
    "Argon2's threads": ARGON2_OF.format(65_536, 1, 8_000),
    "Argon2's threads of all passes": ARGON2_OF.format(128, 8_192, 16),
    "scrypt's blocks": f"scrypt$2$salt$1$1048576${SCRYPT}",
    "scrypt's large blocks": f"scrypt$2$salt$524288$2${SCRYPT}",
    "Keycloak": keycloak("A" * 43 + "=", "AAAA", 999_999_999),
    "Keycloak's Argon2": keycloak(
        "A" * 43 + "=", "A" * 24, 5, "argon2", memory="9999999", type="id", parallelism="1"
    ),
}


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_costly_hash_is_refused(text: str) -> None:
    with pytest.raises(CostlyHashError):
        to_stored_hash(text)


# How many of three forms are compared.
FORMS = {
    "bcrypt, 12": (f"$2y$12${BCRYPT}", 3),
    "bcrypt, 13": (f"$2y$13${BCRYPT}", 2),
    "bcrypt, 14": (f"$2y$14${BCRYPT}", 1),
    "bcrypt_sha256, 12": (f"bcrypt_sha256$$2b$12${BCRYPT}", 3),
    "bcrypt_sha256, 14": (f"bcrypt_sha256$$2b$14${BCRYPT}", 1),
    "PBKDF2 of Django 6": (PBKDF2_OF.format(1_200_000), 3),
    "PBKDF2, most": (PBKDF2_OF.format(2_000_000), 2),
    "Keycloak's SHA-1": (keycloak("A" * 43 + "=", "AAAA", 1_300_000, "pbkdf2"), 3),
    "Keycloak's SHA-512": (keycloak("A" * 43 + "=", "AAAA", 210_000, "pbkdf2-sha512"), 3),
    "Keycloak's SHA-512, most": (
        keycloak("A" * 43 + "=", "AAAA", 2_000_000, "pbkdf2-sha512"),
        1,
    ),
    "scrypt of Django": (f"scrypt$16384$salt$8$5${SCRYPT}", 3),
    "scrypt, most": (f"scrypt$16384$salt$8$16${SCRYPT}", 1),
    "Argon2 of Django": (ARGON2_OF.format(102_400, 2, 8), 3),
    "Argon2, most": (ARGON2_OF.format(65_536, 16, 1), 1),
    "Argon2, most lanes": (ARGON2_OF.format(128, 128, 16), 1),
}


@pytest.mark.parametrize(("text", "count"), FORMS.values(), ids=FORMS)
def test_cost_of_all_forms_is_bounded(text: str, count: int, monkeypatch: Any) -> None:
    results = {
        (bcrypt, "checkpw"): False,
        (bcrypt, "hashpw"): b"$2b$14$",
        (hashlib, "pbkdf2_hmac"): b"",
        (hashlib, "scrypt"): b"",
        (argon2.PasswordHasher, "verify"): False,
    }
    calls = counted(monkeypatch, results)
    stored = to_stored_hash(text)
    assert not identify_hasher(stored).verify(THREE_FORMS, stored)
    assert len(calls) == count


UNKNOWN = {
    "nothing": "",
    "clear text": "correct horse battery staple",
    "MD5": "5f4dcc3b5aa765d61d8327deb882cf99",
    "Django's MD5": "md5$salt$67a1e09bb1f83f5007dc119c14d663aa",
    "SHA-512 crypt": "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJu",
    "phpass": "$P$BQTH0LUNPwTO7bGIOlh1yJYdF0aDPE0",
    "a short bcrypt": f"$2y$07${BCRYPT[:-1]}",
    "a line break": f"$2y$07${BCRYPT}\n",
    "bcrypt with a defect": f"$2x$07${BCRYPT}",
    "bcrypt of no cost": f"$2y$00${BCRYPT}",
    "zeros before a number": PBKDF2_OF.format("01000"),
    "no iterations": PBKDF2_OF.format(0),
    "negative iterations": PBKDF2_OF.format(-1),
    "digits of another script": PBKDF2_OF.format("\N{ARABIC-INDIC DIGIT ONE}000"),
    "a digest of another length": "pbkdf2_sha256$1000$salt$r1uLUxoxpP2Ued/qxvmje7UH9PU=",
    "a number that is no power of two": f"scrypt$16383$salt$8$1${SCRYPT}",
    "scrypt with too small blocks": f"scrypt$65536$salt$1$1${SCRYPT}",
    "Argon2 with a secret": ARGON2_OF.format(65_536, 2, "1,keyid=AAAA"),
    "Argon2 with too little memory": ARGON2_OF.format(8, 1, 4),
    "Argon2 without a salt": "$argon2id$v=19$m=64,t=1,p=1$c29t$RdescudvJCsgt3ub+b+dWRWJTmaaJObG",
    "Argon2 in no base64": "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQAA$RdescudvJCsgt3ub+b+dWRWJTmaa",
    "too long": ARGON2_OF.format(64, 1, 1) + "A" * 64,
    "far too long": "$" * 1_000_000,
    "another JSON": "{}",
    "no JSON": "{",
    "deep JSON": '{"a":' * 100_000,
    "deep JSON within the limit": '{"a":' * 790,
    "Keycloak's bcrypt": keycloak("A" * 43 + "=", "AAAA", 10, "bcrypt"),
    "Keycloak without a salt": '{"credentialData": {"algorithm": "pbkdf2"}, "secretData": {}}',
    "Keycloak with a number as its salt": json.dumps(
        {
            "credentialData": {"algorithm": "pbkdf2", "hashIterations": 1},
            "secretData": {"value": "A" * 44, "salt": 1},
        }
    ),
    "Keycloak with an empty digest": keycloak("", "AAAA"),
    "Keycloak with half an iteration": json.dumps(
        {
            "credentialData": {"algorithm": "pbkdf2", "hashIterations": 0.5},
            "secretData": {"value": "A" * 44, "salt": "AAAA"},
        }
    ),
    "Keycloak's Argon2 without parameters": keycloak("A" * 43 + "=", "A" * 24, 5, "argon2"),
    "Keycloak with a long salt": keycloak("A" * 43 + "=", "A" * 400),
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_hash_is_refused(text: str) -> None:
    with pytest.raises(UnknownHashError):
        to_stored_hash(text)


@pytest.mark.parametrize(
    ("text", "salt"),
    [("AAAA", FIREBASE_SALT), (FIREBASE_HASH, "no base64"), (FIREBASE_HASH, "A" * 5_000)],
    ids=["short", "not base64", "long"],
)
def test_malformed_firebase_hash_is_refused(text: str, salt: str) -> None:
    with pytest.raises(UnknownHashError):
        to_stored_hash(text, salt=salt)


def test_errors_do_not_quote_the_hash() -> None:
    with pytest.raises(UnknownHashError) as caught:
        to_stored_hash("correct horse battery staple")
    assert "horse" not in str(caught.value)


def test_every_algorithm_has_its_hasher() -> None:
    texts = [to_stored_hash(text) for text, _password in VECTORS.values()]
    texts.append(to_stored_hash(FIREBASE_HASH, salt=FIREBASE_SALT))
    assert {identify_hasher(text).algorithm for text in texts} == {
        "argon2",
        "bcrypt",
        "bcrypt_sha256",
        "firebase_scrypt",
        "keycloak_pbkdf2_sha1",
        "keycloak_pbkdf2_sha256",
        "keycloak_pbkdf2_sha512",
        "pbkdf2_sha1",
        "pbkdf2_sha256",
        "scrypt",
    }
