"""What people do with organisations."""

from uuid import UUID

import strawberry

from schema.accounts.mutations.own_account import USERNAME
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation, TokenInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.organizations.types.invitations import OrganizationInvitation
from schema.organizations.types.organizations import Membership, Organization
from schema.payloads import changed_object
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

ORGANIZATION_ID = "The organisation's `id`."
MEMBER_ID = "The `id` of the person who belongs to it."


@strawberry.input
class CreateOrganizationInput:
    """A new organisation."""

    name: str = strawberry.field(description="At most 150 characters; need not be unique.")


@strawberry.input
class UpdateOrganizationInput(CreateOrganizationInput):
    """What the organisation is to be called."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.input
class DeleteOrganizationInput(PasswordConfirmation):
    """Which organisation is to be deleted."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.input
class InviteToOrganizationInput:
    """Whom to invite where, and as what."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    email: str = strawberry.field(description="Gets the link to accept.")
    role: models.Role = strawberry.field(
        default=models.Role.MEMBER, description="As what; only owners invite others than members."
    )
    locale: str = strawberry.field(
        default="en", description="The language of the mail, if the address has no account."
    )


@strawberry.input
class CancelOrganizationInvitationInput:
    """Which invitation is to be taken back."""

    invitation_id: strawberry.ID = strawberry.field(description="The invitation's `id`.")


@strawberry.input
class AcceptOrganizationInvitationInput(TokenInput):
    """What the mailed link carries."""


@strawberry.input
class DeclineOrganizationInvitationInput(TokenInput):
    """What the mailed link carries."""


@strawberry.input
class SignUpByOrganizationInvitationInput(TokenInput):
    """What an invited person without an account chooses."""

    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.input
class ChangeMembershipRoleInput:
    """Whose role is to change."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    user_id: strawberry.ID = strawberry.field(description=MEMBER_ID)
    role: models.Role = strawberry.field(description="What they are to be.")


@strawberry.input
class RemoveMemberInput:
    """Who is to be taken out."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    user_id: strawberry.ID = strawberry.field(description=MEMBER_ID)


@strawberry.input
class LeaveOrganizationInput:
    """Which organisation you leave."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.type
class OrganizationPayload(Payload):
    """The organisation as it is now."""

    organization_id: strawberry.Private[UUID | None] = None
    organization: Organization | None = changed_object(models.Organization, "organization_id")


@strawberry.type
class InviteToOrganizationPayload(Payload):
    """The invitation, whether its address has an account or not."""

    invitation_id: strawberry.Private[UUID | None] = None
    invitation: OrganizationInvitation | None = changed_object(
        models.OrganizationInvitation, "invitation_id"
    )


@strawberry.type
class MembershipPayload(Payload):
    """The membership as it is now."""

    membership_id: strawberry.Private[UUID | None] = None
    membership: Membership | None = changed_object(models.Membership, "membership_id")


@strawberry.type
class SignUpByOrganizationInvitationPayload(Payload):
    """The account that came to be, and belongs to the organisation."""

    username: str | None = strawberry.field(default=None, description="Whose account it is.")


@strawberry.type
class EndOrganizationInvitationPayload(Payload):
    """Nothing but errors: the invitation is gone."""


@strawberry.type
class OrganizationsMutation:
    """Organisations, by those who belong to them."""

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def create_organization(
        self, info: Info, input: CreateOrganizationInput
    ) -> OrganizationPayload:
        """Create an organisation, whose owner you are."""
        organization = create_organization(actor=info.context.actor, **vars(input))
        return OrganizationPayload(organization_id=organization.pk)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def update_organization(
        self, info: Info, input: UpdateOrganizationInput
    ) -> OrganizationPayload:
        """Rename an organisation, for its owners."""
        key, actor = node_key(input.organization_id, "Organization"), info.context.actor
        organization = rename_organization(key, actor=actor, name=input.name)
        return OrganizationPayload(organization_id=organization.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def delete_organization(self, info: Info, input: DeleteOrganizationInput) -> None:
        """Delete an organisation and all its memberships, for its owners."""
        key, actor = node_key(input.organization_id, "Organization"), info.context.actor
        delete_organization(key, actor=actor, password=input.password)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def invite_to_organization(
        self, info: Info, input: InviteToOrganizationInput
    ) -> InviteToOrganizationPayload:
        """Invite the owner of an address, for owners; for administrators, as a member."""
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
        """Cancel an invitation, for those who may make one like it."""
        key = node_key(input.invitation_id, "OrganizationInvitation")
        cancel_organization_invitation(key, actor=info.context.actor)
        return EndOrganizationInvitationPayload()

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def accept_organization_invitation(
        self, info: Info, input: AcceptOrganizationInvitationInput
    ) -> OrganizationPayload:
        """Join an organisation, as the owner of the address that was invited."""
        organization = accept_organization_invitation(input.token, actor=info.context.actor)
        return OrganizationPayload(organization_id=organization.pk)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def decline_organization_invitation(
        self, info: Info, input: DeclineOrganizationInvitationInput
    ) -> EndOrganizationInvitationPayload:
        """Decline an invitation, by the token of its mail."""
        decline_organization_invitation(input.token, actor=info.context.actor)
        return EndOrganizationInvitationPayload()

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def sign_up_by_organization_invitation(
        self, info: Info, input: SignUpByOrganizationInvitationInput
    ) -> SignUpByOrganizationInvitationPayload:
        """Create an account for the address that was invited, which joins the organisation."""
        user = sign_up_by_organization_invitation(actor=info.context.actor, **vars(input))
        return SignUpByOrganizationInvitationPayload(username=user.username)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def change_membership_role(
        self, info: Info, input: ChangeMembershipRoleInput
    ) -> MembershipPayload:
        """Change a member's role, for owners."""
        membership = change_role(
            node_key(input.organization_id, "Organization"),
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            role=input.role,
        )
        return MembershipPayload(membership_id=membership.pk)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def remove_member(self, info: Info, input: RemoveMemberInput) -> OrganizationPayload:
        """Remove a member, for owners; plain members, for administrators, too."""
        organization = remove_member(
            node_key(input.organization_id, "Organization"),
            node_key(input.user_id, "User"),
            actor=info.context.actor,
        )
        return OrganizationPayload(organization_id=organization.pk)

    @mutation(scope=Scope.ORGANIZATIONS_WRITE, reauthenticate=False)
    def leave_organization(self, info: Info, input: LeaveOrganizationInput) -> None:
        """Leave an organisation."""
        key = node_key(input.organization_id, "Organization")
        leave_organization(key, actor=info.context.actor)
