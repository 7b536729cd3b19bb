"""Authentication methods, and the `amr` values that sessions store."""

from collections.abc import Iterable
from typing import Final

from core.enums import DescribedEnum

# `amr` values (RFC 8176). Recovery codes have none of their own: they are one-time passwords.
PASSWORD_AMR: Final = ("pwd",)
CODE_AMR: Final = ("otp",)
MULTIPLE: Final = "mfa"


class Method(DescribedEnum):
    """A method of authentication."""

    PASSWORD = "password", "The password."
    TOTP = "totp", "A code from an authenticator app."
    PASSKEY = "passkey", "A passkey: the signature of a device or a security key."
    RECOVERY_CODE = "recovery", "A single-use code for a user who lost the second factors."


# Factors that a user sets up. Recovery codes exist while there is one of these.
FACTORS: Final = (Method.TOTP, Method.PASSKEY)


def accepted_methods(factors: Iterable[str]) -> list[str]:
    """Return the methods by which a user with these factors may reauthenticate.

    A user with a second factor may not use the password alone.
    """
    known = {method.value: method.name for method in Method}
    names = [known[factor] for factor in factors]
    return [*names, Method.RECOVERY_CODE.name] if names else [Method.PASSWORD.name]


def merge_amr(*methods: Iterable[str]) -> list[str]:
    """Return the `amr` values of several authentications without duplicates."""
    return list(dict.fromkeys(value for each in methods for value in each))
