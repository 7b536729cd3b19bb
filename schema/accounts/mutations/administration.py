"""What administrators do to accounts."""

from collections.abc import Collection, Iterable

import strawberry

from schema.accounts.mutations.own_account import USERNAME
from schema.accounts.profiles import LOCALE, ProfileInput
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.administration import (
    FLAGS,
    IDENTIFIERS,
    change_user,
    create_user,
    verify_user_email,
)
from users.accounts.services.invitation import invite_user
from users.accounts.services.permissions import find_permissions
from users.accounts.services.set_change import SetChange
from users.scopes import Scope

USER_ID = "The person's `id`."


@strawberry.input
class CreateUserInput:
    """A new account, which can be used at once."""

    email: str = strawberry.field(description="The address.")
    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")
    name: str = strawberry.field(default="", description="The name to show.")
    locale: str = strawberry.field(default="en", description=LOCALE)
    is_email_verified: bool = strawberry.field(
        default=False, description="Whether you vouch for the address."
    )
    is_staff: bool = strawberry.field(default=False, description="Whether they see everybody.")
    is_superuser: bool = strawberry.field(
        default=False, description="Whether they administer the service."
    )


@strawberry.input
class InviteUserInput:
    """Whom to invite."""

    email: str = strawberry.field(description="Gets the link to accept.")
    name: str = strawberry.field(default="", description="The name to show.")
    locale: str = strawberry.field(default="en", description=LOCALE)


@strawberry.input
class UpdateUserInput(ProfileInput, UserIdInput):
    """The fields to change; those left out stay."""

    email: strawberry.Maybe[str | None] = strawberry.field(description="Not verified any more.")
    username: strawberry.Maybe[str | None] = strawberry.field(description=USERNAME)
    is_staff: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether they see everybody."
    )
    is_superuser: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether they administer the service."
    )
    permissions: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="All that they may do by themselves, besides what their groups permit.",
        deprecation_reason="Since 2026-11-29. It undoes what another administrator grants or "
        "revokes meanwhile; use `grantUserPermissions` and `revokeUserPermissions`.",
    )
    group_ids: strawberry.Maybe[list[strawberry.ID] | None] = strawberry.field(
        description="The `id`s of all groups they are to be in.",
        deprecation_reason="Since 2026-11-29. It undoes what another administrator changes "
        "meanwhile; use `addToGroups` and `removeFromGroups`.",
    )


@strawberry.input
class VerifyUserEmailInput(UserIdInput):
    """Whose address you vouch for."""


@strawberry.type
class AdministrationMutation:
    """Accounts, for administrators."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def create_user(self, info: Info, input: CreateUserInput) -> UserPayload:
        """Create an account that can be used at once, for administrators."""
        user = create_user(actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def invite_user(self, info: Info, input: InviteUserInput) -> None:
        """Invite the owner of an email address to an account, for administrators."""
        invite_user(actor=info.context.actor, **vars(input))

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def update_user(self, info: Info, input: UpdateUserInput) -> UserPayload:
        """Change a user, for administrators; profiles, for staff."""
        given = input.given(["group_ids", "permissions"])
        user = change_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            identifiers=input.given(IDENTIFIERS),
            profile=input.profile(),
            flags=input.given(FLAGS),
            groups=_groups(info, given["group_ids"]) if "group_ids" in given else None,
            permissions=_permissions(info, given["permissions"])
            if "permissions" in given
            else None,
        )
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def verify_user_email(self, info: Info, input: VerifyUserEmailInput) -> UserPayload:
        """Mark a user's address as verified, for administrators."""
        user = verify_user_email(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)


def _permissions(info: Info, names: Collection[str]) -> SetChange:
    require(info.context.actor, may_administer_groups)
    return SetChange.to(find_permissions(names))


def _groups(info: Info, ids: Iterable[str]) -> SetChange:
    require(info.context.actor, may_administer_groups)
    # No group has the key 0, so the service refuses what is no group's id.
    return SetChange.to(node_key(id_, "Group") or 0 for id_ in ids)
