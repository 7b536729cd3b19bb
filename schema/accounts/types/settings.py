"""Types of the public settings, which sign-up forms and clients need."""

from enum import Enum
from typing import Final

import strawberry
from django.conf import settings
from django.contrib.auth.password_validation import (
    MinimumLengthValidator,
    get_default_password_validators,
)

from engine.relay.page_arguments import MAX_PAGE
from schema.documents import cost, limits, weights
from schema.enums import describe_enum
from users.accounts.identifiers import USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH
from users.accounts.validators import MaximumLengthValidator


class SignUpMode(Enum):
    """Who may sign up."""

    OPEN = "open"
    DOMAINS = "domains"
    INVITATION = "invitation"
    CLOSED = "closed"


class SecondFactorPolicy(Enum):
    """Which users must have a second factor."""

    OPTIONAL = "optional"
    STAFF = "staff"
    ALL = "all"


describe_enum(
    SignUpMode,
    {
        SignUpMode.OPEN: "Everyone.",
        SignUpMode.DOMAINS: "Owners of an address with one of `signUpDomains`.",
        SignUpMode.INVITATION: "Invited users only.",
        SignUpMode.CLOSED: "No one; administrators create accounts.",
    },
)
describe_enum(
    SecondFactorPolicy,
    {
        SecondFactorPolicy.OPTIONAL: "None.",
        SecondFactorPolicy.STAFF: "Staff.",
        SecondFactorPolicy.ALL: "All users.",
    },
)


@strawberry.type
class PasswordRules:
    """Rules of new passwords; the service also refuses guessable ones."""

    min_length: int = strawberry.field(description="Least number of characters.")
    max_length: int = strawberry.field(description="Most characters.")
    are_looked_up: bool = strawberry.field(description="Whether breached passwords are refused.")


@strawberry.type
class UsernameRules:
    """Rules of usernames, which have letters, digits, dots, hyphens and underscores."""

    min_length: int = strawberry.field(description="Least number of characters.")
    max_length: int = strawberry.field(description="Most characters.")


@strawberry.type
class UploadRules:
    """Limits of an avatar."""

    max_bytes: int = strawberry.field(description="Most bytes of the file.")
    max_pixels: int = strawberry.field(description="Most pixels; of a WebP, half as many.")


@strawberry.type
class RequestLimits:
    """Limits of a request; see the reference."""

    max_page_size: int = strawberry.field(description="Most items of a page, and most `ids`.")
    max_characters: int = strawberry.field(description="Most characters of a document.")
    max_tokens: int = strawberry.field(description="Most tokens of a document.")
    max_depth: int = strawberry.field(description="Most levels of an operation.")
    max_aliases: int = strawberry.field(description="Most aliases of an operation.")
    max_root_fields: int = strawberry.field(description="Most root fields of an operation.")
    max_fields: int = strawberry.field(description="Most selected fields of an operation.")
    max_rows: int = strawberry.field(description="Most rows: the product of nested page sizes.")
    max_values: int = strawberry.field(description="Most values: rows times selected fields.")
    max_body_bytes: int = strawberry.field(description="Most bytes of a request's body.")
    max_response_bytes: int = strawberry.field(description="Most bytes of a response.")


@strawberry.type
class Settings:
    """Settings of this deployment that its clients need; none is secret."""

    service_name: str = strawberry.field(description="Name of the service.")
    sign_up: SignUpMode = strawberry.field(description="Who may sign up.")
    sign_up_domains: list[str] = strawberry.field(
        description="Domains of addresses that may sign up, in ASCII; empty unless `signUp` is "
        "`DOMAINS`."
    )
    password: PasswordRules = strawberry.field(description="Rules of new passwords.")
    username: UsernameRules = strawberry.field(description="Rules of usernames.")
    locales: list[str] = strawberry.field(description="Languages of mails and messages.")
    avatar_upload: UploadRules | None = strawberry.field(
        description="Limits of avatars; null if uploads are disabled."
    )
    second_factor: SecondFactorPolicy = strawberry.field(
        description="Which users must have a second factor."
    )
    passkey_relying_party_id: str = strawberry.field(
        description="Domain that passkeys are bound to (`rpId` of WebAuthn)."
    )
    limits: RequestLimits = strawberry.field(description="Limits of a request.")


LIMITS: Final = {
    "max_page_size": MAX_PAGE,
    "max_characters": limits.MAX_CHARACTERS,
    "max_tokens": limits.MAX_TOKENS,
    "max_depth": limits.MAX_DEPTH,
    "max_aliases": limits.MAX_ALIASES,
    "max_root_fields": limits.MAX_ROOT_FIELDS,
    "max_fields": weights.MAX_FIELDS,
    "max_rows": cost.MAX_ROWS,
    "max_values": cost.MAX_VALUES,
}


def public_settings() -> Settings:
    """Return the settings of this deployment."""
    (mode, *_others) = settings.SIGN_UP
    is_mode = mode in {each.value for each in SignUpMode}
    return Settings(
        service_name=settings.SERVICE_NAME,
        sign_up=SignUpMode(mode) if is_mode else SignUpMode.DOMAINS,
        sign_up_domains=[] if is_mode else list(settings.SIGN_UP),
        password=_password_rules(),
        username=UsernameRules(min_length=USERNAME_MIN_LENGTH, max_length=USERNAME_MAX_LENGTH),
        locales=[code for code, _name in settings.LANGUAGES],
        avatar_upload=UploadRules(
            max_bytes=settings.AVATAR_MAX_BYTES, max_pixels=settings.AVATAR_MAX_PIXELS
        )
        if settings.KEEPS_FILES
        else None,
        second_factor=SecondFactorPolicy(settings.SECOND_FACTOR),
        passkey_relying_party_id=settings.WEBAUTHN_RP_ID,
        limits=RequestLimits(
            **LIMITS,
            max_body_bytes=settings.GRAPHQL_MAX_BODY_BYTES,
            max_response_bytes=settings.GRAPHQL_MAX_RESPONSE_BYTES,
        ),
    )


def _password_rules() -> PasswordRules:
    (min_length,) = (
        each.min_length
        for each in get_default_password_validators()
        if isinstance(each, MinimumLengthValidator)
    )
    return PasswordRules(
        min_length=min_length,
        max_length=MaximumLengthValidator.max_length,
        are_looked_up=bool(settings.BREACHED_PASSWORDS_URL),
    )
