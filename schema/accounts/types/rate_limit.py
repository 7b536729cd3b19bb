"""The rate limit as clients see it."""

import datetime as dt
from typing import Self

import strawberry

from schema.context import Context
from schema.documents.budget import read_budget


@strawberry.type
class RateLimit:
    """Points that the client may spend: the API token, the user or the network."""

    limit: int = strawberry.field(description="Most points at once, and points per minute.")
    remaining: int = strawberry.field(description="Points left, after this operation.")
    reset_at: dt.datetime = strawberry.field(
        description="When all points are available again, if none is spent."
    )
    cost: int = strawberry.field(description="Points of this operation.")

    @classmethod
    def of(cls, context: Context) -> Self | None:
        """Return the limit of the client; None if there is none."""
        budget = read_budget(context.actor)
        return budget and cls(cost=context.points, **budget._asdict())
