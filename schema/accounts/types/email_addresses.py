"""The email address type, and its loader."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from core.security.actor import Actor
from engine.fields.loaders import Batch
from users.accounts import models


@strawberry.type
class EmailAddress:
    """An email address of a user. Visible to the user and staff."""

    # The primary address is a column of the user; secondary addresses have their own table.

    email: str = strawberry.field(description="The address, in lower case; its domain is in ASCII.")
    verified_at: datetime | None = strawberry.field(
        description="When the address was verified; null if it is not."
    )
    undeliverable_at: datetime | None = strawberry.field(
        description="Since when the mail server rejects mail to it; null while it accepts mail."
    )
    is_primary: bool = strawberry.field(
        description="Whether this is the primary address, which receives all notices."
    )


def _email_addresses(
    actor: Actor, users: Sequence[tuple[UUID, str, datetime | None, datetime | None]]
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
        for user_id, email, verified_at, undeliverable_at in users
    }
    secondary = models.EmailAddress.objects.visible_to(actor).filter(user__in=found)
    for user_id, email, verified_at, undeliverable_at in secondary.order_by("email").values_list(
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
