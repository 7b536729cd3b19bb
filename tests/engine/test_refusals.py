"""Extensions, permissions and properties that the engine does not know, which it refuses."""

from collections.abc import Callable
from typing import Any, Final

import pytest
import strawberry
import strawberry_django
from graphql import parse
from strawberry import BasePermission, auto
from strawberry.extensions import FieldExtension
from strawberry_django.optimizer import DjangoOptimizerExtension

from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from tests.engine.library.contexts import Reader
from tests.engine.library.schema import BookPage, BookType, FirstOf
from tests.engine.library.tables import Author, Book
from tests.engine.silent import SilentSchema


class Librarians(BasePermission):
    """Asks the context who is there."""

    message = "For librarians."

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        is_librarian: bool = info.context.is_librarian
        return is_librarian


class Shout(FieldExtension):
    """Changes what is resolved."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs).upper()


class Numbered(FirstOf):
    """Resolves to a page whose edges have more fields than the engine knows."""

    def resolve(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        page = super().resolve(next_, source, info, **kwargs)
        return NumberedPage(edges=[NumberedEdge(node=each) for each in page.nodes])


@strawberry.type
class NumberedEdge:
    """An edge with a field of its own."""

    node: BookType

    @strawberry.field
    def number(self) -> int:
        return 1


@strawberry.type
class NumberedPage:
    """The first books of a list."""

    edges: list[NumberedEdge]


@strawberry_django.type(Author)
class Writer:
    """An author with fields of all kinds."""

    name: auto
    loud: str = strawberry_django.field(field_name="name", extensions=[Shout()])
    guarded: str = strawberry_django.field(field_name="name", permission_classes=[Librarians])
    initial: str

    @strawberry_django.field(only=["name"], permission_classes=[Librarians])
    def resolved(self: Author) -> str:
        return self.name

    @strawberry_django.field(extensions=[FirstOf(BookType, parent="author"), Shout()])
    def loud_books(self) -> BookPage:
        return Book.objects.order_by("pages", "pk")


@strawberry.type
class Query:
    """Queries of authors."""

    @strawberry_django.field
    def writers(self) -> list[Writer]:
        return Author.objects.filter(name="Ben")

    @strawberry_django.field(permission_classes=[Librarians])
    def guarded(self) -> list[Writer]:
        return Author.objects.filter(name="Ben")

    @strawberry_django.field(extensions=[FirstOf(BookType), Shout()])
    def loud_page(self) -> BookPage:
        return Book.objects.order_by("pages", "pk")

    @strawberry_django.field(extensions=[Numbered(BookType)])
    def numbered(self) -> NumberedPage:
        return Book.objects.order_by("pages", "pk")


SCHEMA: Final = SilentSchema(Query, extensions=[DjangoOptimizerExtension])


def refuse(source: str, reason: str) -> None:
    with pytest.raises(NotPlannableError, match=reason):
        CompiledOperation.of(SCHEMA, parse(source), None).execute(None, Reader("Lib"))


@pytest.mark.parametrize(
    ("source", "reason", "answer"),
    [
        ("{ writers { loud } }", "has <.*Shout", {"writers": [{"loud": "BEN"}]}),
        ("{ writers { name guarded } }", "Ext", {"writers": [{"name": "Ben", "guarded": "Ben"}]}),
        ("{ writers { resolved } }", "PermissionExtension", {"writers": [{"resolved": "Ben"}]}),
        ("{ writers { initial } }", "Writer.initial", {"writers": [{"initial": "B"}]}),
        ("{ guarded { name } }", "PermissionExtension", {"guarded": [{"name": "Ben"}]}),
        (
            "{ numbered(first: 1) { edges { number node { title } } } }",
            "NumberedEdge.number",
            {"numbered": {"edges": [{"number": 1, "node": {"title": "Ants"}}]}},
        ),
    ],
)
def test_unknown_rules_are_refused(
    library: dict[str, Any], source: str, reason: str, answer: Any
) -> None:
    refuse(source, reason)
    context = Reader("Lib", is_librarian=True)
    result = SCHEMA.execute_sync(source, context_value=context)
    assert (result.data, result.errors) == (answer, None)
    result = SCHEMA.execute_sync(source, context_value=Reader("Sue"))
    if "guarded" in source or "resolved" in source:
        assert result.data is None
        assert [error.message for error in result.errors or ()] == ["For librarians."]
    else:
        assert (result.data, result.errors) == (answer, None)


@pytest.mark.parametrize(
    "source",
    [
        "{ loudPage(first: 1) { hasMore } }",
        "{ writers { loudBooks(first: 1) { hasMore } } }",
    ],
)
def test_connections_with_another_extension_are_refused(source: str) -> None:
    refuse(source, "has <.*Shout")
