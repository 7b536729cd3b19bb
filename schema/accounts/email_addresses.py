"""What people do with their e-mail addresses."""

import strawberry

from schema.accounts.mutations import OWN_PASSWORD, TOKEN
from schema.accounts.own import own_id
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key
from users.accounts.services.email_addresses import (
    add_email_address,
    confirm_email_address,
    remove_email_address,
    remove_user_email_address,
    set_primary_email_address,
)

PASSWORD = "The current password."  # noqa: S105 - a description


@strawberry.input(description="A further address, and proof that the owner asks.")
class AddEmailAddressInput:
    """What adding takes."""

    email: str = strawberry.field(description="Gets the link that completes the addition.")
    password: str = strawberry.field(description=PASSWORD)


@strawberry.type(description="The same answer for known and unknown addresses.")
class AddEmailAddressPayload(Payload):
    """Tells errors only."""


@strawberry.input(description="What the mailed link carries.")
class ConfirmEmailAddressInput:
    """What confirming takes."""

    token: str = strawberry.field(description=TOKEN)
    password: str | None = strawberry.field(default=None, description=OWN_PASSWORD)


@strawberry.type(description="Which address it is.")
class ConfirmEmailAddressPayload(Payload):
    """What the link and its user prove, and no more."""

    email: str | None = strawberry.field(default=None, description="The confirmed address.")


@strawberry.input(description="Which address, and proof that the owner asks.")
class SetPrimaryEmailAddressInput:
    """What choosing takes."""

    email: str = strawberry.field(description="A confirmed address of yours.")
    password: str = strawberry.field(description=PASSWORD)


@strawberry.input(description="Which address, and proof that the owner asks.")
class RemoveEmailAddressInput:
    """What removing takes."""

    email: str = strawberry.field(
        description="An address of yours, or one that you asked to add; not the primary one."
    )
    password: str = strawberry.field(description=PASSWORD)


@strawberry.input(description="Whose address to remove, and which.")
class RemoveUserEmailAddressInput:
    """What removing somebody's takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")
    email: str = strawberry.field(
        description="An address of theirs, or one that they asked to add; not the primary one."
    )


@strawberry.type
class EmailAddressesMutation:
    """Addresses beside the primary one."""

    @mutation("Asks for a further address. It counts once its owner confirms it.")
    def add_email_address(self, info: Info, input: AddEmailAddressInput) -> AddEmailAddressPayload:
        """Leave a pending addition."""
        add_email_address(own_id(info), actor=info.context.actor, **vars(input))
        return AddEmailAddressPayload()

    @mutation(
        "Completes the addition of an address, signed in or by the password. The token works once "
        "and for 24 hours."
    )
    def confirm_email_address(
        self, info: Info, input: ConfirmEmailAddressInput
    ) -> ConfirmEmailAddressPayload:
        """Make the address count."""
        address = confirm_email_address(actor=info.context.actor, **vars(input))
        return ConfirmEmailAddressPayload(email=address.email)

    @mutation("Makes a confirmed address the primary one; the former gets a notice, and stays.")
    def set_primary_email_address(
        self, info: Info, input: SetPrimaryEmailAddressInput
    ) -> UserPayload:
        """Exchange the two."""
        user = set_primary_email_address(own_id(info), actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation("Gives up an address, which gets a notice; not the primary one.")
    def remove_email_address(self, info: Info, input: RemoveEmailAddressInput) -> UserPayload:
        """Take it away."""
        user = remove_email_address(own_id(info), actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation("Removes a person's address but for the primary one, for administrators.")
    def remove_user_email_address(
        self, info: Info, input: RemoveUserEmailAddressInput
    ) -> UserPayload:
        """Take it from them."""
        user_id = node_key(input.user_id, "User")
        user = remove_user_email_address(user_id, actor=info.context.actor, email=input.email)
        return UserPayload(user_id=user.pk)
