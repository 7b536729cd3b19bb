"""People's pictures in GraphQL."""

import strawberry

from schema.accounts.own import own_id
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.multipart import Upload
from schema.mutations import mutation
from schema.nodes import node_key
from users.accounts.services.avatar import remove_avatar, set_avatar


@strawberry.input(description="A picture of you.")
class SetAvatarInput:
    """What setting takes."""

    image: Upload = strawberry.field(
        description="A JPEG or PNG file; it is cut to a square, and nothing but its pixels is kept."
    )


@strawberry.input(description="Whose picture to remove.")
class RemoveAvatarInput:
    """What removing takes."""

    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The person's `id`, for staff; yours, if not given."
    )


@strawberry.type
class AvatarsMutation:
    """Setting and removing."""

    @mutation("Has you shown by a picture, which is uploaded with the request.")
    def set_avatar(self, info: Info, input: SetAvatarInput) -> UserPayload:
        """Read the file, and keep what is made of it."""
        user = set_avatar(own_id(info), actor=info.context.actor, image=input.image.read())
        return UserPayload(user_id=user.pk)

    @mutation("Removes your picture, or for staff anybody's.")
    def remove_avatar(self, info: Info, input: RemoveAvatarInput) -> UserPayload:
        """Remove it."""
        user_id = own_id(info) if input.user_id is None else node_key(input.user_id, "User")
        user = remove_avatar(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
