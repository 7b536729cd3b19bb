"""Ways to prove who one is, and what a session remembers of them."""

from collections.abc import Iterable
from typing import Final

from core.enums import DescribedEnum

# `amr` values (RFC 8176). It has none for recovery codes, which are one-time passwords, too.
PASSWORD_AMR: Final = ("pwd",)
CODE_AMR: Final = ("otp",)
MULTIPLE: Final = "mfa"


class Method(DescribedEnum):
    """Methods of authentication."""

    PASSWORD = "password", "The password."
    TOTP = "totp", "A code of an authenticator app."
    PASSKEY = "passkey", "A passkey: a device's or a security key's signature."
    RECOVERY_CODE = "recovery", "One of the codes for when the others are lost."


# Those that a person sets up. Recovery codes come with the first and go with the last of them.
FACTORS: Final = (Method.TOTP, Method.PASSKEY)


def acceptable(factors: Iterable[str]) -> list[str]:
    """Return what somebody with these factors may prove themselves by again.

    A password alone is too little from whoever has more.
    """
    known = {method.value: method.name for method in Method}
    found = [known[factor] for factor in factors]
    return [*found, Method.RECOVERY_CODE.name] if found else [Method.PASSWORD.name]


def merge_amr(*methods: Iterable[str]) -> list[str]:
    """Return `amr` of several proofs by one person, each value once."""
    return list(dict.fromkeys(value for each in methods for value in each))
