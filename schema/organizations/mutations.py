"""What people do with organisations."""

from uuid import UUID

import strawberry
import strawberry_django

from schema.accounts.mutations import TOKEN, USERNAME
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key, one
from schema.organizations.invitations import OrganizationInvitation
from schema.organizations.types import Membership, Organization
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

ORGANIZATION_ID = "The organisation's `id`."
MEMBER_ID = "The `id` of the person who belongs to it."


@strawberry.input(description="A new organisation.")
class CreateOrganizationInput:
    """What making takes."""

    name: str = strawberry.field(description="At most 150 characters; need not be unique.")


@strawberry.input(description="What the organisation is to be called.")
class UpdateOrganizationInput(CreateOrganizationInput):
    """The organisation, and its name."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.input(description="Which organisation is to be deleted.")
class DeleteOrganizationInput:
    """What deleting takes."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    password: str = strawberry.field(description="Your current password.")


@strawberry.input(description="Whom to invite where, and as what.")
class InviteToOrganizationInput:
    """What inviting takes."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    email: str = strawberry.field(description="Gets the link to accept.")
    role: models.Role = strawberry.field(
        default=models.Role.MEMBER, description="As what; only owners invite others than members."
    )
    locale: str = strawberry.field(
        default="en", description="The language of the mail, if the address has no account."
    )


@strawberry.input(description="Which invitation is to be taken back.")
class CancelOrganizationInvitationInput:
    """What taking back takes."""

    invitation_id: strawberry.ID = strawberry.field(description="The invitation's `id`.")


@strawberry.input(description="What the mailed link carries.")
class AcceptOrganizationInvitationInput:
    """What accepting takes."""

    token: str = strawberry.field(description=TOKEN)


@strawberry.input(description="What the mailed link carries.")
class DeclineOrganizationInvitationInput:
    """What turning down takes."""

    token: str = strawberry.field(description=TOKEN)


@strawberry.input(description="What an invited person without an account chooses.")
class SignUpByOrganizationInvitationInput:
    """What an account takes, besides the address."""

    token: str = strawberry.field(description=TOKEN)
    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.input(description="Whose role is to change.")
class ChangeMembershipRoleInput:
    """What changing a role takes."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    user_id: strawberry.ID = strawberry.field(description=MEMBER_ID)
    role: models.Role = strawberry.field(description="What they are to be.")


@strawberry.input(description="Who is to be taken out.")
class RemoveMemberInput:
    """What taking out takes."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)
    user_id: strawberry.ID = strawberry.field(description=MEMBER_ID)


@strawberry.input(description="Which organisation you leave.")
class LeaveOrganizationInput:
    """What leaving takes."""

    organization_id: strawberry.ID = strawberry.field(description=ORGANIZATION_ID)


@strawberry.type(description="The organisation as it is now.")
class OrganizationPayload(Payload):
    """A payload about one organisation, read through `visible_to`."""

    organization_id: strawberry.Private[UUID | None] = None

    @strawberry_django.field(description="The organisation; null if the input was refused.")
    def organization(self) -> Organization | None:
        """Look the organisation up as it is after the mutation."""
        return one(models.Organization.objects.all(), self.organization_id)


@strawberry.type(description="The invitation, whether its address has an account or not.")
class InviteToOrganizationPayload(Payload):
    """A payload about one invitation."""

    invitation_id: strawberry.Private[UUID | None] = None

    @strawberry_django.field(description="The invitation; null if the input was refused.")
    def invitation(self) -> OrganizationInvitation | None:
        """Look the invitation up."""
        return one(models.OrganizationInvitation.objects.all(), self.invitation_id)


@strawberry.type(description="The membership as it is now.")
class MembershipPayload(Payload):
    """A payload about one membership."""

    membership_id: strawberry.Private[UUID | None] = None

    @strawberry_django.field(description="The membership; null if the input was refused.")
    def membership(self) -> Membership | None:
        """Look the membership up as it is after the mutation."""
        return one(models.Membership.objects.all(), self.membership_id)


@strawberry.type(description="The account that came to be, and belongs to the organisation.")
class SignUpByOrganizationInvitationPayload(Payload):
    """The new user, who is not signed in yet."""

    username: str | None = strawberry.field(default=None, description="Whose account it is.")


@strawberry.type(description="Nothing but errors: the organisation is gone.")
class DeleteOrganizationPayload(Payload):
    """Tells errors only."""


@strawberry.type(description="Nothing but errors: the organisation may be out of sight now.")
class LeaveOrganizationPayload(Payload):
    """Tells errors only."""


@strawberry.type(description="Nothing but errors: the invitation is gone.")
class EndOrganizationInvitationPayload(Payload):
    """Tells errors only."""


@strawberry.type
class OrganizationsMutation:
    """Organisations, by those who belong to them."""

    @mutation("Makes an organisation, whose owner you are.")
    def create_organization(
        self, info: Info, input: CreateOrganizationInput
    ) -> OrganizationPayload:
        """Make it."""
        organization = create_organization(actor=info.context.actor, **vars(input))
        return OrganizationPayload(organization_id=organization.pk)

    @mutation("Renames an organisation, for its owners.")
    def update_organization(
        self, info: Info, input: UpdateOrganizationInput
    ) -> OrganizationPayload:
        """Change the name."""
        key, actor = node_key(input.organization_id, "Organization"), info.context.actor
        organization = rename_organization(key, actor=actor, name=input.name)
        return OrganizationPayload(organization_id=organization.pk)

    @mutation("Deletes an organisation and all memberships of it, for its owners.")
    def delete_organization(
        self, info: Info, input: DeleteOrganizationInput
    ) -> DeleteOrganizationPayload:
        """Delete it."""
        key, actor = node_key(input.organization_id, "Organization"), info.context.actor
        delete_organization(key, actor=actor, password=input.password)
        return DeleteOrganizationPayload()

    @mutation("Invites the owner of an address, for owners; for administrators, as a member.")
    def invite_to_organization(
        self, info: Info, input: InviteToOrganizationInput
    ) -> InviteToOrganizationPayload:
        """Have the invitation mailed."""
        invitation = invite_to_organization(
            node_key(input.organization_id, "Organization"),
            actor=info.context.actor,
            email=input.email,
            role=input.role,
            locale=input.locale,
        )
        return InviteToOrganizationPayload(invitation_id=invitation.pk)

    @mutation("Takes an invitation back, for those who may make one like it.")
    def cancel_organization_invitation(
        self, info: Info, input: CancelOrganizationInvitationInput
    ) -> EndOrganizationInvitationPayload:
        """Have its link lead nowhere."""
        key = node_key(input.invitation_id, "OrganizationInvitation")
        cancel_organization_invitation(key, actor=info.context.actor)
        return EndOrganizationInvitationPayload()

    @mutation("Joins an organisation, as the owner of the address that was invited.")
    def accept_organization_invitation(
        self, info: Info, input: AcceptOrganizationInvitationInput
    ) -> OrganizationPayload:
        """Join."""
        organization = accept_organization_invitation(input.token, actor=info.context.actor)
        return OrganizationPayload(organization_id=organization.pk)

    @mutation("Turns an invitation down, as whoever reads the address.")
    def decline_organization_invitation(
        self, info: Info, input: DeclineOrganizationInvitationInput
    ) -> EndOrganizationInvitationPayload:
        """Have its link lead nowhere."""
        decline_organization_invitation(input.token, actor=info.context.actor)
        return EndOrganizationInvitationPayload()

    @mutation("Makes an account for the address that was invited, which joins the organisation.")
    def sign_up_by_organization_invitation(
        self, info: Info, input: SignUpByOrganizationInvitationInput
    ) -> SignUpByOrganizationInvitationPayload:
        """Turn the invitation into a member."""
        user = sign_up_by_organization_invitation(actor=info.context.actor, **vars(input))
        return SignUpByOrganizationInvitationPayload(username=user.username)

    @mutation("Gives a member another role, for owners.")
    def change_membership_role(
        self, info: Info, input: ChangeMembershipRoleInput
    ) -> MembershipPayload:
        """Change it."""
        membership = change_role(
            node_key(input.organization_id, "Organization"),
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            role=input.role,
        )
        return MembershipPayload(membership_id=membership.pk)

    @mutation("Takes somebody out, for owners; plain members, for administrators, too.")
    def remove_member(self, info: Info, input: RemoveMemberInput) -> OrganizationPayload:
        """Part with them."""
        organization = remove_member(
            node_key(input.organization_id, "Organization"),
            node_key(input.user_id, "User"),
            actor=info.context.actor,
        )
        return OrganizationPayload(organization_id=organization.pk)

    @mutation("Leaves an organisation.")
    def leave_organization(
        self, info: Info, input: LeaveOrganizationInput
    ) -> LeaveOrganizationPayload:
        """Part with it."""
        key = node_key(input.organization_id, "Organization")
        leave_organization(key, actor=info.context.actor)
        return LeaveOrganizationPayload()
