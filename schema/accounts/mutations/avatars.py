"""Avatar mutations."""

import strawberry

from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scalars import Upload
from users.accounts.policy import may_edit_profile, may_edit_profiles, require
from users.accounts.services.avatar import remove_avatar, set_avatar
from users.scopes import Scope


@strawberry.input
class SetAvatarInput:
    """Your new avatar."""

    image: Upload = strawberry.field(
        description="JPEG, PNG or WebP file. It is cropped to a square and stripped of metadata."
    )


@strawberry.input
class RemoveUserAvatarInput(UserIdInput):
    """The user whose avatar to remove."""


@strawberry.type
class AvatarsMutation:
    """Avatars."""

    @mutation(scope=Scope.PROFILE_WRITE, reauthenticate=False)
    def set_avatar(self, info: Info, input: SetAvatarInput) -> UserPayload:
        """Upload an image as your avatar, in a multipart request."""
        user_id = require_self_id(info, may_edit_profile)
        user = set_avatar(user_id, actor=info.context.actor, image=input.image.read())
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.PROFILE_WRITE, reauthenticate=False)
    def remove_avatar(self, info: Info) -> UserPayload:
        """Remove your avatar."""
        user = remove_avatar(require_self_id(info, may_edit_profile), actor=info.context.actor)
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def remove_user_avatar(self, info: Info, input: RemoveUserAvatarInput) -> UserPayload:
        """Remove a user's avatar, for staff."""
        require(info.context.actor, may_edit_profiles)
        user = remove_avatar(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)
