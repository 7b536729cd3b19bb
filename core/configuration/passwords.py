"""The rules for new passwords."""

from typing import Any


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
