"""Field rules: per-object authorization of fields."""

from collections.abc import Sequence
from typing import Any

from engine.fields.extensions import FieldRule
from schema.context import Context
from users.accounts.policy import may_read_all_private, may_read_private
from users.activity.policy import may_read_details
from users.authentication.policy import may_list_sessions


class Private(FieldRule):
    """A user's field is null unless the actor is that user or staff."""

    is_covered = True

    def allows_all(self, context: Context) -> bool:
        """Return whether the policy allows the field of all users."""
        return may_read_all_private(context.actor)

    def allows(self, context: Context, values: Sequence[Any]) -> Sequence[bool]:
        """Apply the policy to each user."""
        return [may_read_private(context.actor, value) for value in values]


class PrivateSessions(Private):
    """As `Private`, and the actor must be allowed to list sessions (scope `sessions:read`)."""

    def allows_all(self, context: Context) -> bool:
        """Return whether both policies allow the field of all users."""
        return super().allows_all(context) and may_list_sessions(context.actor)

    def allows(self, context: Context, values: Sequence[Any]) -> Sequence[bool]:
        """Apply both policies to each user."""
        allowed = super().allows(context, values)
        return allowed if may_list_sessions(context.actor) else [False] * len(values)


class Details(FieldRule):
    """An event's field is null unless the actor may read the event's personal data."""

    attributes = ("actor_id", "subject_id")

    def allows(self, context: Context, values: Sequence[Any]) -> Sequence[bool]:
        """Apply the policy to the users who caused each event and whom it affects."""
        return [may_read_details(context.actor, *value) for value in values]
