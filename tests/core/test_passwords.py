"""Passwords in any form of Unicode, with hashes of all kinds."""

import unicodedata
from typing import Any

import pytest
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    check_password,
    get_hashers,
    make_password,
)

from core.security.hashers import Argon2idHasher
from core.security.passwords import MAX_LENGTH, password_forms

COMPOSED = "größer als Ängström"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
# These have an `encode` of their own.
ENCODERS = ("argon2", "pbkdf2_sha256", "pbkdf2_sha1", "bcrypt_sha256", "bcrypt", "scrypt")


@pytest.mark.parametrize("algorithm", ENCODERS)
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED], ids=["NFC", "NFD"])
def test_hashes_of_any_form_verify(algorithm: str, typed: str, monkeypatch: Any) -> None:
    """Earlier releases and other systems hashed what was typed."""
    monkeypatch.setattr(Argon2idHasher, "encode", Argon2PasswordHasher.encode)
    (hasher,) = (each for each in get_hashers() if each.algorithm == algorithm)
    encoded = hasher.encode(typed, hasher.salt())
    for password in (COMPOSED, DECOMPOSED):
        assert check_password(password, encoded)
    assert not check_password(COMPOSED.replace("ö", "o"), encoded)


@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED], ids=["NFC", "NFD"])
def test_passwords_are_hashed_in_nfc(typed: str) -> None:
    encoded = make_password(typed)
    assert Argon2PasswordHasher().verify(COMPOSED, encoded)


def test_work_is_bounded() -> None:
    assert list(password_forms("plain")) == ["plain"]
    marks = "e" + "\N{COMBINING ACUTE ACCENT}" * MAX_LENGTH
    assert list(password_forms(marks)) == [marks]
    assert len(list(password_forms("e\u0301\u0323é"))) == 3
