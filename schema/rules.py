"""Field rules, declared beside the fields they guard."""

from collections.abc import Callable
from typing import Any

from strawberry.extensions import FieldExtension

from schema.context import Info
from users.accounts.policy import may_read_private
from users.activity.policy import may_read_details


class Private(FieldExtension):
    """The field of a person is null unless the actor is that person or staff."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Resolve the field if the actor may read it."""
        if may_read_private(info.context.actor, source.pk):
            return next_(source, info, **kwargs)
        return None


class Details(FieldExtension):
    """The field of an event is null unless the actor may read what is personal about it."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Resolve the field if the actor may read it."""
        if may_read_details(info.context.actor, source.actor_id):
            return next_(source, info, **kwargs)
        return None
