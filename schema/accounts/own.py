"""Whose account a mutation is about that acts on one's own."""

from typing import cast
from uuid import UUID

from schema.context import Info
from users.accounts import policy


def own_id(info: Info) -> UUID:
    """Return the id of whoever is signed in. Raises the policy's errors."""
    actor = info.context.actor
    policy.require(actor, policy.may_change_credentials, actor.user_id)
    return cast("UUID", actor.user_id)
