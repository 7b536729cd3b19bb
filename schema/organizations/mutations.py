"""Mutations of organisations, memberships and invitations."""

from typing import Self
from uuid import UUID

import strawberry

from schema.accounts.mutations.own_account import USERNAME
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation, TokenInput
from schema.mutation import mutation
from schema.nodes import global_id, node_key
from schema.organizations.types import Membership, Organization, OrganizationInvitation
from schema.payloads import changed_object, deleted_id
from schema.scopes import NoScope
from users.organizations import models
from users.organizations.services.invitations import (
    accept_organization_invitation,
    cancel_organization_invitation,
    decline_organization_invitation,
    invite_to_organization,
    sign_up_by_organization_invitation,
)
from users.organizations.services.members import change_role, leave_organization, remove_member
from users.organizations.services.organizations import (
    create_organization,
    delete_organization,
    rename_organization,
)
from users.scopes import Scope

ORGANIZATION_ID = "`id` of the organisation."
MEMBER_ID = "`id` of the user who is the member."


@strawberry.input
class CreateOrganizationInput:
    """A new organisation."""

    name: str = strawberry.field(
        description="Name; at most 150 characters, not necessarily unique."
    )


@strawberry.input
class UpdateOrganizationInput(CreateOrganizationInput):
    """The organisation, and its new name."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.input
class DeleteOrganizationInput(PasswordConfirmation):
    """The organisation to delete, confirmed by your password."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.input
class InviteToOrganizationInput:
    """The invitation: organisation, address and role."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    email: str = strawberry.field(description="Address that receives the invitation link.")
    role: models.Role = strawberry.field(
        default=models.Role.MEMBER,
        description="Role of the new member. Only owners may assign `OWNER` and `ADMIN`.",
    )
    locale: str = strawberry.field(
        default="en", description="Language of the mail, if the address has no account."
    )


@strawberry.input
class CancelOrganizationInvitationInput:
    """The invitation to cancel."""

    invitation_id: strawberry.ID = strawberry.field(description="`id` of the invitation.")


@strawberry.input
class AcceptOrganizationInvitationInput(TokenInput):
    """The token of an invitation link."""


@strawberry.input
class DeclineOrganizationInvitationInput(TokenInput):
    """The token of an invitation link."""


@strawberry.input
class SignUpByOrganizationInvitationInput(TokenInput):
    """The token of an invitation link, and the new account's credentials."""

    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters of any kind.")


@strawberry.input
class ChangeMembershipRoleInput:
    """The member, and the new role."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    user_id: strawberry.ID = strawberry.field(description=MEMBER_ID)
    role: models.Role = strawberry.field(description="New role.")


@strawberry.input
class RemoveMemberInput:
    """The member to remove."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    user_id: strawberry.ID = strawberry.field(description=MEMBER_ID)


@strawberry.input
class LeaveOrganizationInput:
    """The organisation to leave."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.type
class OrganizationPayload(Payload):
    """The organisation after the mutation."""

    organization_id: strawberry.Private[UUID | None] = None
    organization: Organization | None = changed_object(models.Organization, "organization_id")
    removed_membership_id: strawberry.ID | None = deleted_id("membership")


@strawberry.type
class DeleteOrganizationPayload(Payload):
    """The organisation that is gone."""

    deleted_organization_id: strawberry.ID | None = deleted_id("organisation")


@strawberry.type
class LeaveOrganizationPayload(Payload):
    """The membership that is gone."""

    removed_membership_id: strawberry.ID | None = deleted_id("membership")


@strawberry.type
class InviteToOrganizationPayload(Payload):
    """The invitation. It does not reveal whether the address has an account."""

    invitation_id: strawberry.Private[UUID | None] = None
    invitation: OrganizationInvitation | None = changed_object(
        models.OrganizationInvitation, "invitation_id"
    )


@strawberry.type
class MembershipPayload(Payload):
    """The membership after the mutation."""

    membership_id: strawberry.Private[UUID | None] = None
    membership: Membership | None = changed_object(models.Membership, "membership_id")


@strawberry.type
class SignUpByOrganizationInvitationPayload(Payload):
    """The account that was created and joined the organisation."""

    username: str | None = strawberry.field(default=None, description="Username of the account.")


@strawberry.type
class EndOrganizationInvitationPayload(Payload):
    """The invitation that is gone."""

    deleted_invitation_id: strawberry.ID | None = deleted_id("invitation")

    @classmethod
    def of(cls, invitation_id: UUID) -> Self:
        """Build the payload of a deleted invitation."""
        return cls(deleted_invitation_id=global_id("OrganizationInvitation", invitation_id))


@strawberry.type
class OrganizationsMutation:
    """Organisations."""

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def create_organization(
        self, info: Info, input: CreateOrganizationInput
    ) -> OrganizationPayload:
        """Create an organisation. You become its owner."""
        organization = create_organization(actor=info.context.actor, **vars(input))
        return OrganizationPayload(organization_id=organization.pk)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def update_organization(
        self, info: Info, input: UpdateOrganizationInput
    ) -> OrganizationPayload:
        """Rename an organisation. Owners only."""
        key, actor = node_key(input.organization_id, "Organization"), info.context.actor
        organization = rename_organization(key, actor=actor, name=input.name)
        return OrganizationPayload(organization_id=organization.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def delete_organization(
        self, info: Info, input: DeleteOrganizationInput
    ) -> DeleteOrganizationPayload:
        """Delete an organisation, and all its memberships. Owners only."""
        key, actor = node_key(input.organization_id, "Organization"), info.context.actor
        delete_organization(key, actor=actor, password=input.password)
        return DeleteOrganizationPayload(deleted_organization_id=global_id("Organization", key))

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def invite_to_organization(
        self, info: Info, input: InviteToOrganizationInput
    ) -> InviteToOrganizationPayload:
        """Invite the owner of an address. Owners may assign any role, administrators `MEMBER`."""
        invitation = invite_to_organization(
            node_key(input.organization_id, "Organization"),
            actor=info.context.actor,
            email=input.email,
            role=input.role,
            locale=input.locale,
        )
        return InviteToOrganizationPayload(invitation_id=invitation.pk)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def cancel_organization_invitation(
        self, info: Info, input: CancelOrganizationInvitationInput
    ) -> EndOrganizationInvitationPayload:
        """Cancel an invitation. Requires the right to create it."""
        key = node_key(input.invitation_id, "OrganizationInvitation")
        cancel_organization_invitation(key, actor=info.context.actor)
        return EndOrganizationInvitationPayload.of(key)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def accept_organization_invitation(
        self, info: Info, input: AcceptOrganizationInvitationInput
    ) -> OrganizationPayload:
        """Join an organisation with the token of an invitation to one of your addresses."""
        organization = accept_organization_invitation(input.token, actor=info.context.actor)
        return OrganizationPayload(organization_id=organization.pk)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def decline_organization_invitation(
        self, info: Info, input: DeclineOrganizationInvitationInput
    ) -> EndOrganizationInvitationPayload:
        """Decline an invitation with its token."""
        key = decline_organization_invitation(input.token, actor=info.context.actor)
        return EndOrganizationInvitationPayload.of(key)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def sign_up_by_organization_invitation(
        self, info: Info, input: SignUpByOrganizationInvitationInput
    ) -> SignUpByOrganizationInvitationPayload:
        """Create an account for the invited address, and join the organisation."""
        user = sign_up_by_organization_invitation(actor=info.context.actor, **vars(input))
        return SignUpByOrganizationInvitationPayload(username=user.username)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def change_membership_role(
        self, info: Info, input: ChangeMembershipRoleInput
    ) -> MembershipPayload:
        """Change the role of a member. Owners only."""
        membership = change_role(
            node_key(input.organization_id, "Organization"),
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            role=input.role,
        )
        return MembershipPayload(membership_id=membership.pk)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def remove_member(self, info: Info, input: RemoveMemberInput) -> OrganizationPayload:
        """Remove a member.

        Owners may remove any member, administrators those with the role `MEMBER`.
        """
        organization_id = node_key(input.organization_id, "Organization")
        membership_id = remove_member(
            organization_id, node_key(input.user_id, "User"), actor=info.context.actor
        )
        return OrganizationPayload(
            organization_id=organization_id,
            removed_membership_id=global_id("Membership", membership_id),
        )

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def leave_organization(
        self, info: Info, input: LeaveOrganizationInput
    ) -> LeaveOrganizationPayload:
        """Leave an organisation. The last owner cannot leave."""
        key = node_key(input.organization_id, "Organization")
        membership_id = leave_organization(key, actor=info.context.actor)
        return LeaveOrganizationPayload(
            removed_membership_id=global_id("Membership", membership_id)
        )
