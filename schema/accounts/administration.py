"""What administrators do to accounts."""

from collections.abc import Collection, Iterable
from typing import Any

import strawberry

from schema.accounts.mutations import (
    FAMILY_NAME,
    GIVEN_NAME,
    LOCALE,
    NICKNAME,
    USERNAME,
)
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
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
from users.accounts.services.profile import PROFILE_FIELDS, USER_FIELDS
from users.accounts.services.set_change import SetChange

USER_ID = "The person's `id`."


@strawberry.input(description="A new account, which can be used at once.")
class CreateUserInput:
    """What creating takes."""

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


@strawberry.input(description="Whom to invite.")
class InviteUserInput:
    """What inviting takes."""

    email: str = strawberry.field(description="Gets the link to accept.")
    name: str = strawberry.field(default="", description="The name to show.")
    locale: str = strawberry.field(default="en", description=LOCALE)


@strawberry.type(description="Nothing but errors: there is no account yet.")
class InviteUserPayload(Payload):
    """Tells errors only."""


@strawberry.input(description="The fields to change; those left out stay.")
class UpdateUserInput:
    """Every field but the id is optional, and none may be null: see `check_nulls`."""

    user_id: strawberry.ID = strawberry.field(description=USER_ID)
    email: strawberry.Maybe[str | None] = strawberry.field(description="Not verified any more.")
    username: strawberry.Maybe[str | None] = strawberry.field(description=USERNAME)
    name: strawberry.Maybe[str | None] = strawberry.field(description="The name to show.")
    is_public: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether other people may find them."
    )
    given_name: strawberry.Maybe[str | None] = strawberry.field(description=GIVEN_NAME)
    family_name: strawberry.Maybe[str | None] = strawberry.field(description=FAMILY_NAME)
    nickname: strawberry.Maybe[str | None] = strawberry.field(description=NICKNAME)
    bio: strawberry.Maybe[str | None] = strawberry.field(description="At most 500 characters.")
    website: strawberry.Maybe[str | None] = strawberry.field(description="An http or https URL.")
    locale: strawberry.Maybe[str | None] = strawberry.field(description=LOCALE)
    time_zone: strawberry.Maybe[str | None] = strawberry.field(description="An IANA time zone.")
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

    def given(self, names: Collection[str]) -> dict[str, Any]:
        """Return those of the named fields that were given."""
        fields = {name: getattr(self, name) for name in names}
        return {name: some.value for name, some in fields.items() if some is not None}


@strawberry.input(description="Whose address you vouch for.")
class VerifyUserEmailInput:
    """What verifying takes."""

    user_id: strawberry.ID = strawberry.field(description=USER_ID)


@strawberry.type
class AdministrationMutation:
    """Accounts, for administrators."""

    @mutation("Creates an account that can be used at once, for administrators.")
    def create_user(self, info: Info, input: CreateUserInput) -> UserPayload:
        """Create the account."""
        user = create_user(actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation("Offers an account to the owner of an address, for administrators.")
    def invite_user(self, info: Info, input: InviteUserInput) -> InviteUserPayload:
        """Have the invitation mailed."""
        invite_user(actor=info.context.actor, **vars(input))
        return InviteUserPayload()

    @mutation("Changes anything about a person, for administrators; profiles, for staff.")
    def update_user(self, info: Info, input: UpdateUserInput) -> UserPayload:
        """Change all of it or nothing."""
        given = input.given(["group_ids", "permissions"])
        user = change_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            identifiers=input.given(IDENTIFIERS),
            profile=input.given((*USER_FIELDS, *PROFILE_FIELDS)),
            flags=input.given(FLAGS),
            groups=_groups(info, given["group_ids"]) if "group_ids" in given else None,
            permissions=_permissions(info, given["permissions"])
            if "permissions" in given
            else None,
        )
        return UserPayload(user_id=user.pk)

    @mutation("Vouches for a person's address, for administrators.")
    def verify_user_email(self, info: Info, input: VerifyUserEmailInput) -> UserPayload:
        """Set the mark."""
        user = verify_user_email(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)


def _permissions(info: Info, names: Collection[str]) -> SetChange:
    require(info.context.actor, may_administer_groups)
    return SetChange.to(find_permissions(names))


def _groups(info: Info, ids: Iterable[str]) -> SetChange:
    require(info.context.actor, may_administer_groups)
    # No group has the key 0, so the service refuses what is no group's id.
    return SetChange.to(node_key(id_, "Group") or 0 for id_ in ids)
