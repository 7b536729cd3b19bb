"""What a type's `get_queryset` annotates, and rules that raise: as with the optimizer."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest
import strawberry
import strawberry_django
from django.db.models import Count, QuerySet
from graphql import parse
from strawberry import Info, auto
from strawberry_django.optimizer import DjangoOptimizerExtension

from engine.fields.extensions import FieldRule
from engine.operation import CompiledOperation
from engine.relay.connection import KeysetConnection, Paged, paged_connection
from tests.engine.library.contexts import Reader
from tests.engine.library.tables import Author, Book
from tests.engine.silent import SilentSchema


class Faulty(FieldRule):
    """Cannot decide."""

    def allows(self, context: Any, values: Sequence[Any]) -> Sequence[bool]:
        raise ValueError("A fault of the rule's.")


@strawberry_django.type(Author)
class Writer:
    """An author, counted by the type's queryset."""

    name: auto
    books: "list[Volume]"
    faulty: str | None = strawberry_django.field(field_name="name", extensions=[Faulty()])

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Author], info: Info[Any, Any]) -> QuerySet[Author]:
        return queryset.annotate(number=Count("books"))

    @strawberry_django.field(only=["name"])
    def book_count(self: Author) -> int | None:
        return getattr(self, "number", None)


@strawberry_django.type(Book)
class Volume:
    """A book, counted by the type's queryset."""

    title: auto
    author: Writer

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Book], info: Info[Any, Any]) -> QuerySet[Book]:
        return queryset.annotate(number=Count("loans"))

    @strawberry_django.field(only=["title"])
    def loan_count(self: Book) -> int | None:
        return getattr(self, "number", None)


def _is_sue(info: Info[Any, Any]) -> bool:
    """Return whether Sue asks, which no compiled statement can depend on."""
    return bool(info.context.name == "Sue")


@strawberry_django.type(Author)
class Poet:
    """An author, counted for some requesters."""

    books: "list[Poem]"

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Author], info: Info[Any, Any]) -> QuerySet[Author]:
        return queryset.annotate(number=Count("books")) if _is_sue(info) else queryset

    @strawberry_django.field(only=["name"])
    def book_count(self: Author) -> int | None:
        return getattr(self, "number", None)


@strawberry_django.type(Book)
class Poem:
    """A book, counted for some requesters."""

    author: Poet

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Book], info: Info[Any, Any]) -> QuerySet[Book]:
        return queryset.annotate(number=Count("loans")) if _is_sue(info) else queryset

    @strawberry_django.field(only=["title"])
    def loan_count(self: Book) -> int | None:
        return getattr(self, "number", None)


@strawberry.type
class PoetConnection(KeysetConnection[Poet]):  # type: ignore[type-var]  # not a Node
    """A page of poets."""


@strawberry.type
class Query:
    """Lists of all types."""

    @strawberry_django.field
    def writers(self) -> list[Writer]:
        return Author.objects.order_by("name")

    @strawberry_django.field
    def volumes(self) -> list[Volume]:
        return Book.objects.order_by("pages")

    @strawberry_django.field
    def poems(self) -> list[Poem]:
        return Book.objects.order_by("pages")

    @paged_connection(PoetConnection, Paged())
    def poets(self) -> Iterable[Poet]:
        return Author.objects.order_by("name")


SCHEMA: Final = SilentSchema(Query, extensions=[DjangoOptimizerExtension])


@pytest.mark.parametrize(
    "source",
    [
        "{ writers { name bookCount } }",
        "{ writers { books { title loanCount } } }",
        "{ volumes { loanCount author { name bookCount } } }",
        "{ volumes { title author { bookCount books { loanCount } } } }",
        "{ writers { name faulty } }",
        "{ volumes { author { faulty } } }",
    ],
)
def test_both_executors_answer_alike(library: dict[str, Any], source: str) -> None:
    compare(source, "Sue", "Sue")


@pytest.mark.parametrize("names", [("Sue", "Tim", "Sue"), ("Tim", "Sue", "Tim")], ids=str)
@pytest.mark.parametrize(
    "source",
    [
        "{ poems { loanCount } }",
        "{ poems { author { bookCount } } }",
        "{ poets(first: 2) { nodes { bookCount } edges { cursor } } }",
        "{ poets(first: 2) { nodes { books { loanCount author { bookCount } } } } }",
    ],
)
def test_annotations_may_differ_by_request(
    library: dict[str, Any], source: str, names: tuple[str, ...]
) -> None:
    compare(source, *names)


def compare(source: str, *names: str) -> None:
    """Compare both executors' answers for requesters, one after the other."""
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    for name in names:
        expected = SCHEMA.execute_sync(source, context_value=Reader(name))
        actual = operation.execute(None, Reader(name))
        assert actual.data == expected.data
        assert [(e.message, e.path) for e in actual.errors or ()] == [
            (e.message, e.path) for e in expected.errors or ()
        ]
