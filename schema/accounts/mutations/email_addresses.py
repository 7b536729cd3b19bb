"""Mutations of secondary email addresses."""

import strawberry

from schema.accounts.mutations.own_account import OWN_PASSWORD
from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation, TokenInput, UserIdInput
from schema.mutation import mutation
from schema.nodes import global_id, node_key
from schema.scopes import NoScope
from users.accounts.services.email_addresses import (
    ChangedAddresses,
    add_email_address,
    confirm_email_address,
    remove_email_address,
    remove_user_email_address,
    set_primary_email_address,
)


@strawberry.input
class AddEmailAddressInput(PasswordConfirmation):
    """A secondary address, confirmed by your password."""

    email: str = strawberry.field(description="Address that receives the confirmation link.")


@strawberry.input
class ConfirmEmailAddressInput(TokenInput):
    """The token of a mailed confirmation link."""

    password: str | None = strawberry.field(default=None, description=OWN_PASSWORD)


@strawberry.type
class ConfirmEmailAddressPayload(Payload):
    """The confirmed address."""

    # No user: the link proves control of the mailbox, and needs no authentication.

    email: str | None = strawberry.field(default=None, description="The confirmed address.")


@strawberry.input
class SetPrimaryEmailAddressInput(PasswordConfirmation):
    """The new primary address, confirmed by your password."""

    email: str = strawberry.field(description="One of your confirmed secondary addresses.")


@strawberry.input
class RemoveEmailAddressInput(PasswordConfirmation):
    """The address to remove, confirmed by your password."""

    email: str = strawberry.field(
        description="One of your secondary addresses, confirmed or pending."
    )


@strawberry.input
class RemoveUserEmailAddressInput(UserIdInput):
    """A user, and the secondary address to remove."""

    email: str = strawberry.field(
        description="One of the user's secondary addresses, confirmed or pending."
    )


@strawberry.type
class EmailAddressesMutation:
    """Secondary addresses."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def add_email_address(self, info: Info, input: AddEmailAddressInput) -> None:
        """Request a secondary address, and mail it a confirmation link.

        The address is added once it is confirmed. To prevent enumeration, the payload does not
        reveal whether the address has an account.
        """
        add_email_address(require_self_id(info), actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def confirm_email_address(
        self, info: Info, input: ConfirmEmailAddressInput
    ) -> ConfirmEmailAddressPayload:
        """Confirm a secondary address.

        Requires a session of the account, or its password. The token is single-use and expires
        after 24 hours.
        """
        address = confirm_email_address(actor=info.context.actor, **vars(input))
        return ConfirmEmailAddressPayload(email=address.email)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def set_primary_email_address(
        self, info: Info, input: SetPrimaryEmailAddressInput
    ) -> UserPayload:
        """Make a confirmed address primary. The previous one is notified, and kept if verified."""
        changed = set_primary_email_address(
            require_self_id(info), actor=info.context.actor, **vars(input)
        )
        return _payload(changed)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def remove_email_address(self, info: Info, input: RemoveEmailAddressInput) -> UserPayload:
        """Remove a secondary address, and notify it."""
        changed = remove_email_address(
            require_self_id(info), actor=info.context.actor, **vars(input)
        )
        return _payload(changed)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def remove_user_email_address(
        self, info: Info, input: RemoveUserEmailAddressInput
    ) -> UserPayload:
        """Remove a user's secondary address. Administrators only."""
        user_id = node_key(input.user_id, "User")
        changed = remove_user_email_address(user_id, actor=info.context.actor, email=input.email)
        return _payload(changed)


def _payload(changed: ChangedAddresses) -> UserPayload:
    deleted = None
    if changed.deleted is not None:
        deleted = global_id("EmailAddress", changed.deleted)
    return UserPayload(user_id=changed.user.pk, deleted_email_address_id=deleted)
