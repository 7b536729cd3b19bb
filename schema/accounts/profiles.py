"""The profile type, and the input fields of `updateProfile` and `updateUser`."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from schema.rules import Private
from users.accounts import models
from users.accounts.models import PROFILE_FIELDS
from users.accounts.services.profile import USER_FIELDS

LOCALE = "Language of the user's mails."


@strawberry_django.type(models.Profile)
class Profile(relay.Node):
    """Profile of a user; the claims of OpenID Connect."""

    user_id: relay.NodeID[UUID]
    given_name: auto = strawberry_django.field(description="Given names; may be empty.")
    family_name: auto = strawberry_django.field(description="Family names; may be empty.")
    nickname: auto = strawberry_django.field(description="Nickname; may be empty.")
    bio: auto = strawberry_django.field(description="Short biography; may be empty.")
    website: auto = strawberry_django.field(description="URL of the user's website; may be empty.")
    locale: str | None = strawberry_django.field(
        extensions=[Private()],
        description="Language of the user's mails. Visible to the user and staff.",
    )
    time_zone: auto = strawberry_django.field(description="IANA time zone; may be empty.")


@strawberry.input
class ProfileInput:
    """Profile fields to change; omitted fields keep their values. `check_nulls` rejects null."""

    name: strawberry.Maybe[str | None] = strawberry.field(description="Display name.")
    is_public: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether other users can find this user."
    )
    given_name: strawberry.Maybe[str | None] = strawberry.field(
        description="Given names, as OpenID Connect's `given_name`; at most 150 characters."
    )
    family_name: strawberry.Maybe[str | None] = strawberry.field(
        description="Family names, as `family_name`; at most 150 characters."
    )
    nickname: strawberry.Maybe[str | None] = strawberry.field(
        description="Nickname, as `nickname`; at most 150 characters."
    )
    bio: strawberry.Maybe[str | None] = strawberry.field(description="At most 500 characters.")
    website: strawberry.Maybe[str | None] = strawberry.field(description="`http` or `https` URL.")
    locale: strawberry.Maybe[str | None] = strawberry.field(description=LOCALE)
    time_zone: strawberry.Maybe[str | None] = strawberry.field(
        description="Name of an IANA time zone, such as `Europe/Berlin`."
    )

    def provided_values(self, names: Collection[str]) -> dict[str, Any]:
        """Return the named fields that are set."""
        fields = {name: getattr(self, name) for name in names}
        return {name: some.value for name, some in fields.items() if some is not None}

    def profile(self) -> dict[str, Any]:
        """Return the arguments for `update_profile` that are set."""
        return self.provided_values((*USER_FIELDS, *PROFILE_FIELDS))
