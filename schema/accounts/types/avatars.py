"""What a picture of a person is, in GraphQL."""

import strawberry

from schema.enums import describe_enum
from users.accounts import models
from users.accounts.avatars.images import AvatarSize
from users.accounts.avatars.storage import avatar_url

describe_enum(
    AvatarSize,
    {
        AvatarSize.SMALL: "64 pixels wide and high.",
        AvatarSize.MEDIUM: "256 pixels wide and high.",
        AvatarSize.LARGE: "512 pixels wide and high.",
    },
)


@strawberry.type
class Avatar:
    """A picture of a person, in one size."""

    url: str = strawberry.field(
        description="Where it is to be had, by everybody who knows the address, as long as it is "
        "the person's picture."
    )
    width: int = strawberry.field(description="In pixels.")
    height: int = strawberry.field(description="In pixels.")


def avatar_of(user: models.User, size: AvatarSize) -> Avatar | None:
    """Return the picture of somebody who was read with the profile's key of it."""
    profile = getattr(user, "profile", None)
    if profile is None or not profile.avatar:
        return None
    return Avatar(url=avatar_url(profile.avatar, size), width=size.value, height=size.value)
