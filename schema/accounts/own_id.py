"""Whose account a mutation is about that acts on one's own."""

from typing import cast
from uuid import UUID

from schema.context import Info
from users.accounts.policy import UserRule, may_change_credentials, require


def require_self_id(info: Info, rule: UserRule = may_change_credentials) -> UUID:
    """Return the id of whoever is signed in, and may act on themselves by the rule.

    Raises the policy's errors.
    """
    actor = info.context.actor
    require(actor, rule, actor.user_id)
    return cast("UUID", actor.user_id)
