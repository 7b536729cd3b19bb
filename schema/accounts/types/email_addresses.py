"""The email address type, and how addresses are loaded."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import relay

from core.security.actor import Actor
from engine.fields.loaders import Batch
from users.accounts import models
from users.accounts.policy import may_read_private


@strawberry.type
class EmailAddress(relay.Node):
    """An email address of a user. Visible to the user and staff."""

    # The primary address is a column of the user, and its key is the user's; secondary addresses
    # have their own table.

    key: relay.NodeID[str]
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


_PRIMARY = ("pk", "email", "email_verified_at", "email_undeliverable_at")
_SECONDARY = ("pk", "email", "verified_at", "undeliverable_at")


def _address(row: tuple[Any, ...], *, is_primary: bool) -> EmailAddress:
    key, email, verified_at, undeliverable_at = row
    return EmailAddress(
        key=str(key),
        email=email,
        verified_at=verified_at,
        undeliverable_at=undeliverable_at,
        is_primary=is_primary,
    )


def _email_addresses(
    actor: Actor, users: Sequence[tuple[UUID, str, datetime | None, datetime | None]]
) -> list[list[EmailAddress]]:
    found: dict[Any, list[EmailAddress]] = {
        user[0]: [_address(user, is_primary=True)] for user in users
    }
    secondary = models.EmailAddress.objects.visible_to(actor).filter(user__in=found)
    for user_id, *row in secondary.order_by("email").values_list("user", *_SECONDARY):
        found[user_id].append(_address(tuple(row), is_primary=False))
    return list(found.values())


email_addresses = Batch(models.User, _PRIMARY, _email_addresses)


def email_addresses_by_key(
    actor: Actor, keys: Collection[UUID | int]
) -> Mapping[UUID | int, EmailAddress]:
    """Return the addresses that the actor may read, by their keys."""
    users = [each for each in keys if isinstance(each, UUID) and may_read_private(actor, each)]
    rows = [each for each in keys if isinstance(each, int)]
    found: dict[UUID | int, EmailAddress] = {}
    if users:
        primary = models.User.objects.visible_to(actor).filter(pk__in=users)
        for row in primary.values_list(*_PRIMARY):
            found[row[0]] = _address(row, is_primary=True)
    if rows:
        secondary = models.EmailAddress.objects.visible_to(actor).filter(pk__in=rows)
        for row in secondary.values_list(*_SECONDARY):
            found[row[0]] = _address(row, is_primary=False)
    return found
