"""The rules for new passwords."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from core.configuration.env import BadSetting

# The parameters by their names in Firebase's console, and the largest ones: as Firebase's own, and
# four times their memory.
FIREBASE_MAX: Final = {"rounds": 8, "mem_cost": 16}
FIREBASE_KEYS: Final = ("base64_signer_key", "base64_salt_separator")
# The bytes of the signer key that a hash contains.
SIGNER_KEY_BYTES: Final = 32


def password_validators(*, min_length: int, are_looked_up: bool) -> list[dict[str, Any]]:
    """Return Django's password validators, the look-up in breached passwords last."""
    django = "django.contrib.auth.password_validation"
    ours = "users.accounts.validators"
    validators: list[dict[str, Any]] = [
        {
            "NAME": f"{django}.MinimumLengthValidator",
            "OPTIONS": {"min_length": min_length},
        },
        {"NAME": f"{ours}.MaximumLengthValidator"},
        {"NAME": f"{ours}.DemoPasswordValidator"},
        {"NAME": f"{ours}.GuessablePasswordValidator"},
        {"NAME": f"{ours}.ContextWordsValidator"},
        {
            "NAME": f"{django}.UserAttributeSimilarityValidator",
            "OPTIONS": {"user_attributes": ("username", "email", "email_in_unicode", "name")},
        },
    ]
    if are_looked_up:
        validators.append({"NAME": f"{ours}.BreachedPasswordValidator"})
    return validators


def firebase_scrypt(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the password hash parameters of a Firebase project; empty if there are none.

    Raises `BadSetting`, without the values: the signer key is a secret.
    """
    if not values:
        return {}
    try:
        decoded = [base64.b64decode(values[name], validate=True) for name in FIREBASE_KEYS]
        numbers = {name: values[name] for name in FIREBASE_MAX}
        are_valid = len(decoded[0]) >= SIGNER_KEY_BYTES and all(
            type(number) is int and 1 <= number <= FIREBASE_MAX[name]
            for name, number in numbers.items()
        )
    except (KeyError, TypeError, ValueError):
        are_valid = False
    if not are_valid:
        names = ", ".join((*FIREBASE_KEYS, *FIREBASE_MAX))
        raise BadSetting(
            "FIREBASE_SCRYPT", f"must be a JSON object with {names}, as in the console"
        )
    return {name: values[name] for name in (*FIREBASE_KEYS, *FIREBASE_MAX)}
