"""Orders that clients choose."""

from enum import Enum

import strawberry


@strawberry.enum(description="Which way an order goes.")
class Direction(Enum):
    """Which way an order goes."""

    ASC = strawberry.enum_value("asc", description="The smallest first.")
    DESC = strawberry.enum_value("desc", description="The largest first.")


@strawberry.input
class Order:
    """Base of the orders. Items that are equal in their `field` are ordered by creation."""

    direction: Direction = strawberry.field(
        default=Direction.ASC, description="From the smallest, or from the largest."
    )

    @property
    def is_descending(self) -> bool:
        """Whether the largest come first."""
        return self.direction is Direction.DESC
