"""Profiles in GraphQL: what is read, and what `updateProfile` and `updateUser` take."""

from collections.abc import Collection
from typing import Any

import strawberry
import strawberry_django
from strawberry import auto

from schema.rules import Private
from users.accounts import models
from users.accounts.models import PROFILE_FIELDS
from users.accounts.services.profile import USER_FIELDS

LOCALE = "The language of the mails."


@strawberry_django.type(models.Profile)
class Profile:
    """What people tell about themselves."""

    given_name: auto = strawberry_django.field(description="Given names; may be empty.")
    family_name: auto = strawberry_django.field(description="Family names; may be empty.")
    nickname: auto = strawberry_django.field(description="What friends say; may be empty.")
    bio: auto = strawberry_django.field(description="A few words about the person.")
    website: auto = strawberry_django.field(description="The person's site.")
    locale: str | None = strawberry_django.field(
        extensions=[Private()], description="The language of the mails, for the person and staff."
    )
    time_zone: auto = strawberry_django.field(description="An IANA time zone.")


@strawberry.input
class ProfileInput:
    """Fields to change; those left out stay, and null is refused by `check_nulls`."""

    name: strawberry.Maybe[str | None] = strawberry.field(description="The name to show.")
    is_public: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether other people may find the person."
    )
    given_name: strawberry.Maybe[str | None] = strawberry.field(
        description="Given names, as OpenID Connect's `given_name`; at most 150 characters."
    )
    family_name: strawberry.Maybe[str | None] = strawberry.field(
        description="Family names, as `family_name`; at most 150 characters."
    )
    nickname: strawberry.Maybe[str | None] = strawberry.field(
        description="What friends say, as `nickname`; at most 150 characters."
    )
    bio: strawberry.Maybe[str | None] = strawberry.field(description="At most 500 characters.")
    website: strawberry.Maybe[str | None] = strawberry.field(description="An http or https URL.")
    locale: strawberry.Maybe[str | None] = strawberry.field(description=LOCALE)
    time_zone: strawberry.Maybe[str | None] = strawberry.field(description="An IANA time zone.")

    def given(self, names: Collection[str]) -> dict[str, Any]:
        """Return those of the named fields that were given."""
        fields = {name: getattr(self, name) for name in names}
        return {name: some.value for name, some in fields.items() if some is not None}

    def profile(self) -> dict[str, Any]:
        """Return the changes of `update_profile` that were given."""
        return self.given((*USER_FIELDS, *PROFILE_FIELDS))
