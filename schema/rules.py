"""Field rules, declared beside the fields they guard."""

from collections.abc import Sequence
from typing import Any

from engine.fields.extensions import FieldRule
from schema.context import Context
from users.accounts.policy import may_read_all_private, may_read_private
from users.activity.policy import may_read_details
from users.authentication.policy import may_list_sessions


class Private(FieldRule):
    """The field of a person is null unless the actor is that person or staff."""

    def allows_all(self, context: Context) -> bool:
        """Ask the policy about everybody."""
        return may_read_all_private(context.actor)

    def allows(self, context: Context, values: Sequence[Any]) -> Sequence[bool]:
        """Ask the policy about each person."""
        return [may_read_private(context.actor, value) for value in values]


class PrivateSessions(Private):
    """The same, of a field that tells of sessions, which a token has to be good for."""

    def allows_all(self, context: Context) -> bool:
        """Ask both policies about everybody."""
        return super().allows_all(context) and may_list_sessions(context.actor)

    def allows(self, context: Context, values: Sequence[Any]) -> Sequence[bool]:
        """Ask both policies about each person."""
        allowed = super().allows(context, values)
        return allowed if may_list_sessions(context.actor) else [False] * len(values)


class Details(FieldRule):
    """The field of an event is null unless the actor may read what is personal about it."""

    attribute = "actor_id"

    def allows(self, context: Context, values: Sequence[Any]) -> Sequence[bool]:
        """Ask the policy about who did each."""
        return [may_read_details(context.actor, value) for value in values]
