"""Fields of the schema of toys that tell what their arguments were coerced to."""

import datetime as dt
from enum import Enum

import strawberry


@strawberry.enum
class Colour(Enum):
    """Red or green."""

    RED = "r"
    GREEN = "g"


@strawberry.input
class Point:
    """Where."""

    x: int
    y: int = 2
    tags: list[str] | None = None


@strawberry.input
class Shape:
    """Inputs in an input."""

    points: list[Point]
    colour: Colour = Colour.GREEN
    centre: Point | None = strawberry.UNSET


@strawberry.type
class InputsQuery:
    """One field for each kind of input type."""

    @strawberry.field
    def sum(self, a: int = 1, b: int | None = 2, c: list[int] | None = None) -> str:
        return f"{a} {b} {c}"

    @strawberry.field
    def optional(self, a: int | None = strawberry.UNSET) -> str:
        return "unset" if a is strawberry.UNSET else str(a)

    @strawberry.field
    def lists(
        self, may: list[int | None] | None = None, deep: list[list[int | None]] | None = None
    ) -> str:
        return f"{may} {deep}"

    @strawberry.field
    def paint(self, colour: Colour = Colour.RED, more: list[Colour] | None = None) -> str:
        return f"{colour} {more}"

    @strawberry.field
    def scalars(
        self,
        real: float | None = None,
        key: strawberry.ID | None = None,
        truth: bool | None = None,  # noqa: FBT001 - GraphQL gives it by its name
        text: str | None = None,
        day: dt.date | None = None,
    ) -> str:
        return " ".join(map(repr, (real, key, truth, text, day)))

    @strawberry.field
    def shape(self, given: Shape) -> str:
        centre = "unset" if given.centre is strawberry.UNSET else given.centre
        return f"{given.points} {given.colour} {centre}"
