"""The avatar type."""

import strawberry

from schema.enums import describe_enum
from users.accounts import models
from users.accounts.avatars.images import AvatarSize
from users.accounts.avatars.storage import avatar_url

describe_enum(
    AvatarSize,
    {
        AvatarSize.SMALL: "64 by 64 pixels.",
        AvatarSize.MEDIUM: "256 by 256 pixels.",
        AvatarSize.LARGE: "512 by 512 pixels.",
    },
)


@strawberry.type
class Avatar:
    """A user's avatar in one size."""

    url: str = strawberry.field(
        description="Unguessable URL of the image, valid without authentication until the avatar "
        "changes."
    )
    width: int = strawberry.field(description="Width in pixels.")
    height: int = strawberry.field(description="Height in pixels.")


def avatar_of(user: models.User, size: AvatarSize) -> Avatar | None:
    """Return the avatar of a user whose `profile.avatar` is loaded; None without one."""
    profile = getattr(user, "profile", None)
    if profile is None or not profile.avatar:
        return None
    return Avatar(url=avatar_url(profile.avatar, size), width=size.value, height=size.value)
