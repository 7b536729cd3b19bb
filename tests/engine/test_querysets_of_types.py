"""What a type's `get_queryset` annotates, and rules that raise: as with the optimizer."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
import strawberry
import strawberry_django
from django.db.models import Count, QuerySet
from graphql import parse
from strawberry import Info, auto
from strawberry_django.optimizer import DjangoOptimizerExtension

from engine.fields.extensions import FieldRule
from engine.fields.loaders import Batch
from engine.operation import CompiledOperation
from engine.relay.connection import KeysetConnection, Paged, paged_connection
from engine.relay.nested import nested_connection
from tests.engine.library.contexts import Reader
from tests.engine.library.tables import Author, Book, Loan
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


@dataclass
class Borrower(Reader):
    """A context that loads each object's connection by itself."""

    def batch(self, _name: Hashable, make: Callable[[], Batch[Any]]) -> Batch[Any]:
        return make()

    def load(self, batch: Batch[Any], row: Any) -> Any:
        return batch.compute(None, list(batch.keys([row])))[0]


def _is_sue(info: Info[Any, Any]) -> bool:
    """Return whether Sue asks, which no compiled statement can depend on."""
    return bool(info.context.name == "Sue")


@strawberry_django.type(Book)
class Poem:
    """A book, counted for some requesters."""

    author: "Poet"

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Book], info: Info[Any, Any]) -> QuerySet[Book]:
        return queryset.annotate(number=Count("loans")) if _is_sue(info) else queryset

    @strawberry_django.field(only=["title"])
    def loan_count(self: Book) -> int | None:
        return getattr(self, "number", None)


@strawberry.type
class PoemConnection(KeysetConnection[Poem]):  # type: ignore[type-var]  # not a Node
    """A page of poems."""


@strawberry_django.type(Author)
class Poet:
    """An author, counted for some requesters."""

    books: "list[Poem]"

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Author], info: Info[Any, Any]) -> QuerySet[Author]:
        return queryset.annotate(number=Count("books")) if _is_sue(info) else queryset

    @nested_connection(PoemConnection, parent="author")
    def poems(self) -> Iterable[Poem]:
        return Book.objects.order_by("pages")

    @strawberry_django.field(only=["name"])
    def book_count(self: Author) -> int | None:
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
        "{ poets(first: 1) { nodes { poems(first: 2) { nodes { loanCount } } } } }",
        "{ poets(first: 5) { nodes { poems(last: 2) { edges { cursor node { loanCount } } } } } }",
    ],
)
def test_annotations_may_differ_by_request(
    library: dict[str, Any], source: str, names: tuple[str, ...]
) -> None:
    compare(source, *names)


@pytest.mark.parametrize("number", [1, 5])
def test_nested_connections_keep_annotations(library: dict[str, Any], number: int) -> None:
    """Of one list, which is a statement of its own kind, and of several."""
    poems = "poems(first: 9) { nodes { loanCount } }"
    source = f"{{ poets(first: {number}) {{ nodes {{ {poems} }} }} }}"
    found = CompiledOperation.of(SCHEMA, parse(source), None).execute(None, Borrower("Sue"))
    assert found.data is not None
    counts = [
        [poem["loanCount"] for poem in poet["poems"]["nodes"]]
        for poet in found.data["poets"]["nodes"]
    ]
    expected = [
        [
            Loan.objects.filter(book=book).count()
            for book in Book.objects.filter(author=author).order_by("pages")
        ]
        for author in Author.objects.order_by("name")[:number]
    ]
    assert counts == expected
    assert any(map(any, counts))


def compare(source: str, *names: str) -> None:
    """Compare both executors' answers for requesters, one after the other."""
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    for name in names:
        expected = SCHEMA.execute_sync(source, context_value=Borrower(name))
        actual = operation.execute(None, Borrower(name))
        assert actual.data == expected.data
        assert [(e.message, e.path) for e in actual.errors or ()] == [
            (e.message, e.path) for e in expected.errors or ()
        ]
