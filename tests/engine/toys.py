"""A schema without a database, of what the specification speaks of, and both executors."""

import datetime as dt
from collections.abc import AsyncGenerator, Iterator
from types import SimpleNamespace
from typing import Annotated, Any, NewType, TypeAlias, cast

import strawberry
from graphql import GraphQLError, parse
from strawberry import Info
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from engine.operation import CompiledOperation
from tests.engine.silent import SilentSchema
from tests.engine.toy_inputs import Colour, InputsQuery, Point

# A message, the path and the places in the document, by line and column.
Error: TypeAlias = tuple[str, list[str | int] | None, list[tuple[int, int]]]


@strawberry.interface
class Animal:
    """An interface of objects with a name."""

    name: str

    @strawberry.field
    def shout(self) -> str:
        return self.name.upper()


@strawberry.type
class Dog(Animal):
    """Barks."""

    friend: "Pet | None" = None

    @strawberry.field
    def barks(self, times: int = 1) -> str:
        return "Wau" * times


@strawberry.type
class Cat(Animal):
    """Does not."""

    lives: int = 7


@strawberry.type
class Fish(Animal):
    """In no union, and sure of itself."""

    @classmethod
    def is_type_of(cls, value: Any, info: Info[Any, Any]) -> bool:
        if value.name == "Kit":
            raise ValueError("Never seen one.")
        return isinstance(value, cls)


Pet: TypeAlias = Annotated[Dog | Cat, strawberry.union("Pet")]


@strawberry.type
class Thing:
    """Something that may be broken."""

    number: int
    is_broken: bool = False

    @strawberry.field
    def maybe(self) -> int | None:
        return self.must_not_raise()

    @strawberry.field
    def must(self) -> int:
        return self.must_not_raise()

    @strawberry.field
    def must_too(self) -> int:
        return self.must_not_raise()

    @strawberry.field
    def absent(self) -> int:
        return cast("int", None)

    @strawberry.field
    def deeper(self) -> "Thing | None":
        return self

    @strawberry.field
    def deepest(self) -> "Thing":
        return self

    def must_not_raise(self) -> int:
        if self.is_broken:
            raise ValueError(f"Number {self.number} is broken.")
        return self.number


def things() -> list[Any]:
    return [Thing(number=1), Thing(number=2, is_broken=True), None, Thing(number=4, is_broken=True)]


def two_and_a_fault() -> Iterator[Thing]:
    yield Thing(number=1)
    yield Thing(number=2, is_broken=True)
    raise RuntimeError("There are no more.")


class Odd:
    """Whose text cannot be had."""

    def __str__(self) -> str:
        raise ValueError("I have no text.")


def _refuse(value: Any) -> Any:
    return {"fine": "fine", "null": None}[value]


Picky = NewType("Picky", str)


@strawberry.type
class Query(InputsQuery):
    """One field for each case."""

    # Of any value that a resolver returns.
    @strawberry.field
    def whole(self, what: str) -> int | None:
        values: dict[str, Any] = {
            "float": 2.0,
            "text": "3",
            "half": 2.5,
            "large": 2**31,
            "word": "x",
            "truth": True,
            "list": [1],
        }
        return cast("int", values[what])

    @strawberry.field
    def text(self, what: str) -> str | None:
        values: dict[str, Any] = {
            "number": 5,
            "truth": True,
            "float": 1.0,
            "object": Odd(),
            "list": ["x"],
        }
        return cast("str", values[what])

    @strawberry.field
    def decimal(self, what: str) -> float | None:
        values: dict[str, Any] = {"whole": 1, "text": "1.5", "nan": float("nan"), "empty": ""}
        return cast("float", values[what])

    @strawberry.field
    def truth(self, what: str) -> bool | None:
        return cast("bool", {"one": 1, "zero": 0.0, "text": "true"}[what])

    @strawberry.field
    def day(self) -> dt.date | None:
        return cast("dt.date", "yesterday")

    @strawberry.field
    def anything(self) -> JSON:
        return cast("JSON", {"a": [1, None, {"b": "é"}]})

    @strawberry.field
    def picky(self, what: str) -> Picky | None:
        return Picky(what)

    @strawberry.field
    def colour(self, what: str) -> Colour | None:
        return cast("Colour", {"red": Colour.RED, "value": "g", "name": "GREEN", "no": "b"}[what])

    @strawberry.field
    def colours(self) -> list[Colour | None]:
        return [Colour.RED, None, cast("Colour", "b"), Colour.GREEN, cast("Colour", "b")]

    # Lists.
    @strawberry.field
    def iterables(self, what: str) -> list[int] | None:
        values: dict[str, Any] = {
            "tuple": (1, 2),
            "generator": (number for number in (1, 2)),
            "empty": [],
            "text": "12",
            "number": 12,
            "object": {1: 2},
            "item": [1, "x", "y"],
            "exception": [1, ValueError("An item."), 3],
            "null": [1, None, 3],
        }
        return cast("list[int]", values[what])

    @strawberry.field
    def lists_of_lists(self) -> list[list[int | None] | None]:
        values: list[Any] = [[1, "x"], None, 5, [ValueError("Inside.")], []]
        return values

    @strawberry.field
    def strict_lists(self) -> list[list[int]] | None:
        values: list[Any] = [[1], [2, None], 5]
        return values

    @strawberry.field
    def undone(self) -> list[Thing | None] | None:
        return cast("list[Thing | None]", two_and_a_fault())

    @strawberry.field
    def undone_strictly(self) -> list[Thing] | None:
        return cast("list[Thing]", two_and_a_fault())

    # Where null goes.
    @strawberry.field
    def sound(self) -> Thing:
        return Thing(number=1)

    @strawberry.field
    def broken(self) -> Thing | None:
        return Thing(number=2, is_broken=True)

    @strawberry.field
    def broken_strictly(self) -> Thing:
        return Thing(number=3, is_broken=True)

    @strawberry.field
    def all_may(self) -> list[Thing | None] | None:
        return things()

    @strawberry.field
    def items_must(self) -> list[Thing] | None:
        return things()

    @strawberry.field
    def list_must(self) -> list[Thing | None]:
        return things()

    @strawberry.field
    def all_must(self) -> list[Thing]:
        return things()

    @strawberry.field
    def halves(self) -> list[Thing | None]:
        return [Thing(number=1), cast("Thing", SimpleNamespace(number=2)), Thing(number=3)]

    # Errors.
    @strawberry.field
    def returned(self) -> int | None:
        return cast("int", ValueError("As a value."))

    @strawberry.field
    def returned_object(self) -> Thing:
        return cast("Thing", ValueError("As an object."))

    @strawberry.field
    def graphql_error(self) -> int | None:
        raise GraphQLError("Refused.", extensions={"code": "REFUSED"})

    # Resolvers.
    @strawberry.field
    def about(self, info: Info[Any, Any], given: Point | None = None) -> str:
        return f"{type(self).__name__} {info.field_name} {info.context} {given}"

    @strawberry.field
    def root_only(root: Any) -> str:  # noqa: N805 - Strawberry's name
        return type(root).__name__

    @strawberry.field
    def parent_only(parent: strawberry.Parent[Any]) -> str:  # noqa: N805 - not of this class
        return type(parent).__name__

    bare: str = strawberry.field(resolver=lambda: "bare")
    plain: str = strawberry.field(default="plain")

    # Interfaces and unions.
    @strawberry.field
    def animals(self) -> list[Animal]:
        return [Dog(name="Rex", friend=Cat(name="Tom")), Cat(name="Kit"), Fish(name="Wanda")]

    @strawberry.field
    def pets(self) -> list[Pet | None]:
        return [Cat(name="Kit"), cast("Cat", Fish(name="Wanda")), Dog(name="Rex")]

    @strawberry.field
    def pet(self) -> Pet | None:
        return Dog(name="Rex", friend=cast("Cat", Fish(name="Wanda")))

    @strawberry.field
    def creatures(self) -> list[Animal | None]:
        return [cast("Animal", "No animal"), Dog(name="Rex"), None]

    @strawberry.field
    def fishes(self) -> list[Fish | None]:
        fishes: list[Any] = [Cat(name="Kit"), Cat(name="Tom"), Fish(name="Wanda")]
        return fishes

    @strawberry.field
    async def later(self) -> int:
        return 1


@strawberry.type
class Notes:
    """What has been noted by the time that one looks."""

    @strawberry.field
    def so_far(self, info: Info[Any, Any]) -> str:
        return ", ".join(info.context)

    @strawberry.field
    def never(self) -> str:
        raise ValueError("Lost.")


@strawberry.type
class Mutation:
    """Notes in the context what it was asked for."""

    @strawberry.mutation
    def write(self, info: Info[Any, Any], word: str) -> Notes | None:
        info.context.append(word)
        return Notes()

    @strawberry.mutation
    def note(self, info: Info[Any, Any], word: str) -> str | None:
        info.context.append(word)
        return ", ".join(info.context)

    @strawberry.mutation
    def fail(self, info: Info[Any, Any]) -> str | None:
        info.context.append("fail")
        raise ValueError("Not this time.")

    @strawberry.mutation
    def fail_strictly(self, info: Info[Any, Any]) -> str:
        info.context.append("fail")
        raise ValueError("Not this time.")


@strawberry.type
class Subscription:
    """Never runs."""

    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[int, None]:
        yield 1


SCALARS: dict[object, Any] = {Picky: strawberry.scalar(name="Picky", serialize=_refuse)}
CONFIG = StrawberryConfig(scalar_map=SCALARS)
SCHEMA = SilentSchema(Query, Mutation, types=[Dog, Cat, Fish], config=CONFIG)


def summarize(result: Any) -> tuple[Any, list[Error]]:
    errors = [
        (
            error.message,
            error.path and list(error.path),
            [(each.line, each.column) for each in error.locations or ()],
        )
        for error in result.errors or ()
    ]
    return result.data, errors


def run(
    source: str, variables: dict[str, Any] | None = None, context: Any = None
) -> tuple[Any, list[Error]]:
    """Execute by both; return the data and the errors."""
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    others = list(context) if isinstance(context, list) else context
    actual = operation.execute(variables, context, Query() if context == "root" else None)
    expected = SCHEMA.execute_sync(
        source,
        variable_values=variables,
        context_value=others,
        root_value=Query() if context == "root" else None,
    )
    assert summarize(actual) == summarize(expected)
    assert list(actual.data or ()) == list(expected.data or ())
    originals = [(type(e.original_error), e.extensions) for e in actual.errors or ()]
    assert originals == [(type(e.original_error), e.extensions) for e in expected.errors or ()]
    assert context == others
    return summarize(actual)
