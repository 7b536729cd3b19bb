"""Mutations for administrators: create, invite, change and verify users."""

from collections.abc import Collection, Iterable

import strawberry

from schema.accounts.mutations.own_account import USERNAME
from schema.accounts.profiles import LOCALE, ProfileInput
from schema.accounts.types.invitations import Invitation
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import global_id, node_key
from schema.payloads import changed_object, deleted_id
from users.accounts import models
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.administration import (
    FLAGS,
    IDENTIFIERS,
    change_user,
    create_user,
    verify_user_email,
)
from users.accounts.services.invitation import (
    cancel_invitation,
    invite_user,
    resend_invitation,
)
from users.accounts.services.permissions import find_permissions
from users.accounts.services.set_change import SetChange
from users.scopes import Scope


@strawberry.input
class CreateUserInput:
    """An account that is active immediately."""

    email: str = strawberry.field(description="Primary address.")
    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters of any kind.")
    name: str = strawberry.field(default="", description="Display name.")
    locale: str = strawberry.field(default="en", description=LOCALE)
    is_email_verified: bool = strawberry.field(
        default=False, description="Whether to mark the address as verified."
    )
    is_staff: bool = strawberry.field(default=False, description="Whether the user is staff.")
    is_superuser: bool = strawberry.field(
        default=False, description="Whether the user is an administrator."
    )


@strawberry.input
class InviteUserInput:
    """An invitation to create an account."""

    email: str = strawberry.field(description="Address that receives the invitation link.")
    name: str = strawberry.field(default="", description="Display name.")
    locale: str = strawberry.field(default="en", description=LOCALE)


@strawberry.input
class UpdateUserInput(ProfileInput, UserIdInput):
    """Fields to change; omitted fields keep their values."""

    email: strawberry.Maybe[str | None] = strawberry.field(
        description="New primary address; it is not verified."
    )
    username: strawberry.Maybe[str | None] = strawberry.field(description=USERNAME)
    is_staff: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether the user is staff."
    )
    is_superuser: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether the user is an administrator."
    )
    permissions: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="Complete list of the user's own permissions, without those of groups.",
        deprecation_reason="Since 2026-11-29. Replacing the list overwrites concurrent changes by "
        "other administrators. Use `grantUserPermissions` and `revokeUserPermissions`.",
    )
    group_ids: strawberry.Maybe[list[strawberry.ID] | None] = strawberry.field(
        description="Complete list of the `id`s of the user's groups.",
        deprecation_reason="Since 2026-11-29. Replacing the list overwrites concurrent changes by "
        "other administrators. Use `addToGroups` and `removeFromGroups`.",
    )


@strawberry.input
class VerifyUserEmailInput(UserIdInput):
    """The user whose primary address to mark as verified."""


@strawberry.input
class InvitationIdInput:
    """A pending invitation to create an account."""

    invitation_id: strawberry.ID = strawberry.field(description="`id` of the invitation.")


@strawberry.input
class ResendInvitationInput(InvitationIdInput):
    """The invitation to mail again."""


@strawberry.input
class CancelInvitationInput(InvitationIdInput):
    """The invitation to cancel."""


@strawberry.type
class InvitationPayload(Payload):
    """The invitation after the mutation."""

    invitation_id: strawberry.Private[int | None] = None
    invitation: Invitation | None = changed_object(models.Invitation, "invitation_id")


@strawberry.type
class CancelInvitationPayload(Payload):
    """The invitation that is gone."""

    deleted_invitation_id: strawberry.ID | None = deleted_id("invitation")


@strawberry.type
class AdministrationMutation:
    """Administration of accounts."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def create_user(self, info: Info, input: CreateUserInput) -> UserPayload:
        """Create an account that is active immediately. Administrators only."""
        user = create_user(actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def invite_user(self, info: Info, input: InviteUserInput) -> None:
        """Invite the owner of an email address to create an account. Administrators only."""
        invite_user(actor=info.context.actor, **vars(input))

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def resend_invitation(self, info: Info, input: ResendInvitationInput) -> InvitationPayload:
        """Mail an invitation again, with a new link. Administrators only."""
        key = node_key(input.invitation_id, "Invitation")
        return InvitationPayload(invitation_id=resend_invitation(key, actor=info.context.actor).pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def cancel_invitation(
        self, info: Info, input: CancelInvitationInput
    ) -> CancelInvitationPayload:
        """Cancel an invitation, so that its link stops working. Administrators only."""
        key = node_key(input.invitation_id, "Invitation")
        cancel_invitation(key, actor=info.context.actor)
        return CancelInvitationPayload(deleted_invitation_id=global_id("Invitation", key))

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def update_user(self, info: Info, input: UpdateUserInput) -> UserPayload:
        """Update a user. Administrators only; staff may update the profile fields."""
        provided = input.provided_values(["group_ids", "permissions"])
        user = change_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            identifiers=input.provided_values(IDENTIFIERS),
            profile=input.profile(),
            flags=input.provided_values(FLAGS),
            groups=_groups(info, provided["group_ids"]) if "group_ids" in provided else None,
            permissions=_permissions(info, provided["permissions"])
            if "permissions" in provided
            else None,
        )
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def verify_user_email(self, info: Info, input: VerifyUserEmailInput) -> UserPayload:
        """Mark a user's primary address as verified. Administrators only."""
        user = verify_user_email(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)


def _permissions(info: Info, names: Collection[str]) -> SetChange:
    require(info.context.actor, may_administer_groups)
    return SetChange.to(find_permissions(names))


def _groups(info: Info, ids: Iterable[str]) -> SetChange:
    require(info.context.actor, may_administer_groups)
    # No group has the key 0, so the service rejects an id that is not a group's.
    return SetChange.to(node_key(id_, "Group") or 0 for id_ in ids)
