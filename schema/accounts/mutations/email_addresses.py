"""What people do with their e-mail addresses."""

import strawberry

from schema.accounts.mutations.own_account import OWN_PASSWORD
from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation, TokenInput, UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scopes import NoScope
from users.accounts.services.email_addresses import (
    add_email_address,
    confirm_email_address,
    remove_email_address,
    remove_user_email_address,
    set_primary_email_address,
)

PASSWORD = "The current password."  # noqa: S105 - a description


@strawberry.input
class AddEmailAddressInput(PasswordConfirmation):
    """A further address, and proof that the owner asks."""

    email: str = strawberry.field(description="Gets the link that completes the addition.")


@strawberry.input
class ConfirmEmailAddressInput(TokenInput):
    """What the mailed link carries."""

    password: str | None = strawberry.field(default=None, description=OWN_PASSWORD)


@strawberry.type
class ConfirmEmailAddressPayload(Payload):
    """Which address it is."""

    # The link works without authentication, so this tells no more than the link proves.

    email: str | None = strawberry.field(default=None, description="The confirmed address.")


@strawberry.input
class SetPrimaryEmailAddressInput(PasswordConfirmation):
    """Which address, and proof that the owner asks."""

    email: str = strawberry.field(description="A confirmed address of yours.")


@strawberry.input
class RemoveEmailAddressInput(PasswordConfirmation):
    """Which address, and proof that the owner asks."""

    email: str = strawberry.field(
        description="An address of yours, or one that you asked to add; not the primary one."
    )


@strawberry.input
class RemoveUserEmailAddressInput(UserIdInput):
    """Whose address to remove, and which."""

    email: str = strawberry.field(
        description="An address of theirs, or one that they asked to add; not the primary one."
    )


@strawberry.type
class EmailAddressesMutation:
    """Addresses beside the primary one."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def add_email_address(self, info: Info, input: AddEmailAddressInput) -> None:
        """Ask for a secondary address.

        It counts once its owner confirms it. The answer is the same for known and unknown
        addresses.
        """
        add_email_address(require_self_id(info), actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def confirm_email_address(
        self, info: Info, input: ConfirmEmailAddressInput
    ) -> ConfirmEmailAddressPayload:
        """Confirm a secondary address, signed in or by the password.

        The token is single-use and expires after 24 hours.
        """
        address = confirm_email_address(actor=info.context.actor, **vars(input))
        return ConfirmEmailAddressPayload(email=address.email)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def set_primary_email_address(
        self, info: Info, input: SetPrimaryEmailAddressInput
    ) -> UserPayload:
        """Make a confirmed address the primary one. The former one gets a notice, and stays."""
        user = set_primary_email_address(
            require_self_id(info), actor=info.context.actor, **vars(input)
        )
        return UserPayload(user_id=user.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def remove_email_address(self, info: Info, input: RemoveEmailAddressInput) -> UserPayload:
        """Remove a secondary address, which gets a notice."""
        user = remove_email_address(require_self_id(info), actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def remove_user_email_address(
        self, info: Info, input: RemoveUserEmailAddressInput
    ) -> UserPayload:
        """Remove a user's secondary address, for administrators."""
        user_id = node_key(input.user_id, "User")
        user = remove_user_email_address(user_id, actor=info.context.actor, email=input.email)
        return UserPayload(user_id=user.pk)
