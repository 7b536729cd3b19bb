"""People's pictures in GraphQL."""

import strawberry

from schema.accounts.own import own_id
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.multipart import Upload
from schema.mutations import mutation
from schema.nodes import node_key
from users.accounts.policy import may_edit_profile, may_edit_profiles, require
from users.accounts.services.avatar import remove_avatar, set_avatar


@strawberry.input(description="A picture of you.")
class SetAvatarInput:
    """What setting takes."""

    image: Upload = strawberry.field(
        description=(
            "A JPEG, PNG or WebP file; it is cut to a square, and nothing but its pixels is kept."
        )
    )


@strawberry.input(description="Whose picture to remove.")
class RemoveUserAvatarInput:
    """What removing somebody's takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.type
class AvatarsMutation:
    """Setting and removing."""

    @mutation("Has you shown by a picture, which is uploaded with the request.")
    def set_avatar(self, info: Info, input: SetAvatarInput) -> UserPayload:
        """Read the file, and keep what is made of it."""
        user_id = own_id(info, may_edit_profile)
        user = set_avatar(user_id, actor=info.context.actor, image=input.image.read())
        return UserPayload(user_id=user.pk)

    @mutation("Has you shown without a picture.")
    def remove_avatar(self, info: Info) -> UserPayload:
        """Remove the actor's own."""
        user = remove_avatar(own_id(info, may_edit_profile), actor=info.context.actor)
        return UserPayload(user_id=user.pk)

    @mutation("Has somebody shown without a picture, for staff.")
    def remove_user_avatar(self, info: Info, input: RemoveUserAvatarInput) -> UserPayload:
        """Remove anybody's."""
        require(info.context.actor, may_edit_profiles)
        user = remove_avatar(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)
