"""The target of mutations of the client's own account."""

from typing import cast
from uuid import UUID

from schema.context import Info
from users.accounts.policy import UserRule, may_change_credentials, require


def require_self_id(info: Info, rule: UserRule = may_change_credentials) -> UUID:
    """Return the authenticated user's id, if the rule allows the user to act on it.

    Raises the policy's errors.
    """
    actor = info.context.actor
    require(actor, rule, actor.user_id)
    return cast("UUID", actor.user_id)
