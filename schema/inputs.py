"""Fields that the inputs of several mutations have in common."""

import strawberry


@strawberry.input
class UserIdInput:
    """The user whom a mutation is about."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.input
class TokenInput:
    """The token of a mailed link."""

    token: str = strawberry.field(description="The part of the mailed link after `#token=`.")


@strawberry.input
class PasswordConfirmation:
    """The password of whoever is signed in."""

    password: str = strawberry.field(description="Your current password.")
