"""Fields of models with resolvers of their own, and with arguments."""

from typing import Any, Final

import pytest
import strawberry
import strawberry_django
from graphql import parse
from strawberry import auto
from strawberry_django.optimizer import DjangoOptimizerExtension

from engine.operation import CompiledOperation
from tests.engine.library.contexts import Reader
from tests.engine.library.tables import Author, Biography
from tests.engine.silent import SilentSchema


@strawberry_django.type(Biography)
class Life:
    """An author's biography."""

    text: auto

    @strawberry_django.field(only=["author__name"], select_related=["author"])
    def owner(self: Biography) -> str:
        return self.author.name


@strawberry_django.type(Author)
class Writer:
    """An author, with resolvers."""

    name: auto
    biography: Life | None

    @strawberry_django.field(only=["name"])
    def repeated(self: Author, times: int = 2) -> str:
        return self.name * times

    @strawberry_django.field(only=["name"])
    def only_of_ben(self: Author) -> str | None:
        if self.name != "Ben":
            raise ValueError(f"{self.name} is not Ben.")
        return self.name

    @strawberry_django.field(only=["name"])
    def strictly_of_ben(self: Author) -> str:
        if self.name != "Ben":
            raise ValueError(f"{self.name} is not Ben.")
        return self.name


@strawberry.type
class Query:
    """Queries of authors."""

    @strawberry_django.field
    def writers(self) -> list[Writer]:
        return Author.objects.exclude(name="Cleo").order_by("name")

    @strawberry_django.field
    def writer(self, name: str) -> Writer | None:
        return Author.objects.filter(name=name)

    @strawberry_django.field
    def none(self) -> list[Writer]:
        raise ValueError("No list.")


SCHEMA: Final = SilentSchema(Query, extensions=[DjangoOptimizerExtension])


def summarize(result: Any) -> Any:
    return result.data, [(e.message, e.path, e.locations) for e in result.errors or ()]


@pytest.mark.parametrize(
    ("source", "variables", "paths"),
    [
        ("{ writers { repeated other: repeated(times: 3) } }", {}, []),
        ("query ($n: Int!) { writers { repeated(times: $n) } }", {"n": 0}, []),
        ("query ($n: Int = 1) { writers { repeated(times: $n) } }", {}, []),
        (
            "query ($n: Int = 1) { writers { name repeated(times: $n) } }",
            {"n": None},
            [["writers", 0, "repeated"]],
        ),
        ("{ writers { name onlyOfBen } }", {}, [["writers", 0, "onlyOfBen"]]),
        (
            "{ writers { onlyOfBen strictlyOfBen } }",
            {},
            [["writers", 0, "onlyOfBen"], ["writers", 0, "strictlyOfBen"]],
        ),
        ('{ writer(name: "Anna") { strictlyOfBen } }', {}, [["writer", "strictlyOfBen"]]),
        ('{ writer(name: "Ben") { strictlyOfBen biography { text owner } } }', {}, []),
        ('{ writer(name: "unknown") { strictlyOfBen } writers { biography { owner } } }', {}, []),
        ("{ writers { name } none { name } }", {}, [["none"]]),
    ],
)
def test_resolvers_of_objects_are_called_for_each(
    library: dict[str, Any], source: str, variables: dict[str, Any], paths: list[Any]
) -> None:
    Biography.objects.create(author=library["ben"], text="Long.")
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    expected = SCHEMA.execute_sync(source, variable_values=variables, context_value=Reader("Sue"))
    for _time in range(2):
        actual = operation.execute(variables, Reader("Sue"))
        assert summarize(actual) == summarize(expected)
    assert [error.path for error in expected.errors or ()] == paths
