"""E-mail addresses in GraphQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from core.security.actor import Actor
from schema.context import Batch
from users.accounts import models


@strawberry.type
class EmailAddress:
    """An address of a person's, for the person and staff."""

    # The primary one is stored with the user, the others are rows of their own.

    email: str = strawberry.field(description="The address, in lower case.")
    verified_at: datetime | None = strawberry.field(
        description="When it was shown to be the person's; null if it was not."
    )
    undeliverable_at: datetime | None = strawberry.field(
        description="Since when mail to it is refused for good; null while it is accepted."
    )
    is_primary: bool = strawberry.field(description="Whether we write to this one.")


def _email_addresses(
    actor: Actor, people: Sequence[tuple[UUID, str, datetime | None, datetime | None]]
) -> list[list[EmailAddress]]:
    found: dict[Any, list[EmailAddress]] = {
        user_id: [
            EmailAddress(
                email=email,
                verified_at=verified_at,
                undeliverable_at=undeliverable_at,
                is_primary=True,
            )
        ]
        for user_id, email, verified_at, undeliverable_at in people
    }
    further = models.EmailAddress.objects.visible_to(actor).filter(user__in=found)
    for user_id, email, verified_at, undeliverable_at in further.order_by("email").values_list(
        "user", "email", "verified_at", "undeliverable_at"
    ):
        address = EmailAddress(
            email=email,
            verified_at=verified_at,
            undeliverable_at=undeliverable_at,
            is_primary=False,
        )
        found[user_id].append(address)
    return list(found.values())


email_addresses = Batch(
    models.User, ("pk", "email", "email_verified_at", "email_undeliverable_at"), _email_addresses
)
