"""Input fields that mutations share."""

import strawberry


@strawberry.input
class UserIdInput:
    """The user to change."""

    user_id: strawberry.ID = strawberry.field(description="`id` of the user.")


@strawberry.input
class TokenInput:
    """The token of a mailed link."""

    token: str = strawberry.field(description="Token: the part of the mailed link after `#token=`.")


@strawberry.input
class PasswordConfirmation:
    """The authenticated user's password, as confirmation."""

    password: str = strawberry.field(description="Your current password.")
