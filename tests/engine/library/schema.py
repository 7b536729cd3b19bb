"""What the library shows: a field for each thing that executors might do differently."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import strawberry
import strawberry_django
from django.db.models import Count, QuerySet
from strawberry import Info, auto, relay
from strawberry.annotation import StrawberryAnnotation
from strawberry.scalars import JSON
from strawberry.types.arguments import StrawberryArgument
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.queryset import run_type_get_queryset

from engine.execution import Execution
from engine.fields.extensions import FieldRule
from engine.relay.connection_plan import ConnectionExtension
from engine.relay.pager import PageFacts
from engine.relay.plural import Plural, RowKey
from tests.engine.library.tables import Author, Book, Loan
from tests.engine.silent import SilentSchema


class OfLibrarians(FieldRule):
    """The field is for librarians."""

    def allows(self, context: Any, values: Sequence[Any]) -> Sequence[bool]:
        return [context.is_librarian for _value in values]


@strawberry_django.order_type(Book)
class BookOrder:
    """By pages."""

    pages: auto


@strawberry_django.type(Loan)
class LoanType:
    """Visible to librarians and to the reader."""

    id: auto
    reader: auto
    guarded: str = strawberry_django.field(field_name="reader", extensions=[OfLibrarians()])

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Loan], info: Info[Any, Any]) -> QuerySet[Loan]:
        context = info.context
        if context.is_librarian:
            return queryset
        return queryset.filter(reader=context.name)


@strawberry_django.type(Book)
class BookType:
    """In the model's order."""

    id: auto
    title: auto
    author_id: int
    author: "AuthorType"
    loans: list[LoanType]
    one_loan: LoanType | None = strawberry_django.field(field_name="loans")


@strawberry.type
class Pamphlet:
    """Of no model."""

    title: str


@strawberry.type
class BookPage:
    """The first books of a list."""

    nodes: list[BookType]
    has_more: bool


@dataclass(frozen=True)
class First:
    """The first so many rows."""

    size: int

    @property
    def shape(self) -> Hashable:
        return self.size

    @property
    def limit(self) -> int:
        return self.size + 1

    def window_rows(self, rows: QuerySet[Any], _order: Any, _bind: Any) -> QuerySet[Any]:
        return rows

    def first(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows[: self.limit]

    def positions(self, _order: Any) -> Mapping[str, Any]:
        return {}

    def values(self, _order: Any, _scope: str) -> Mapping[str, Any]:
        return {}

    def cut(self, rows: Sequence[Any]) -> tuple[Sequence[Any], bool]:
        return rows[: self.size], len(rows) > self.size


class FirstOf(ConnectionExtension[First]):
    """A connection of the first so many rows, by either executor."""

    def __init__(self, type_: Any, parent: str | None = None) -> None:
        self.type, self.parent = type_, parent

    def apply(self, field: Any) -> None:
        first = StrawberryArgument("first", None, StrawberryAnnotation(int))
        field.arguments = [*field.arguments, first]

    def pager(self, given: Mapping[str, Any]) -> First:
        if given["first"] < 0:
            raise ValueError("There is no such page.")
        return First(given["first"])

    def order(self, rows: QuerySet[Any]) -> Any:
        """Return nothing: the page does not depend on the order."""

    def scope(self, _order: Any, _selected: Any, _given: Any) -> str:
        return ""

    def connection(
        self, _pager: First, page: PageFacts, _scope: str, _lists: Any, _key: Any
    ) -> Any:
        return BookPage(nodes=[], has_more=page.more)

    def resolve(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        pager = self.pager(kwargs)
        rows = Execution.call(info._field, source, info, {})  # noqa: SLF001 - the field's own resolver
        if self.parent:
            rows = rows.filter(**{self.parent: source})
        nodes, has_more = pager.cut(list(pager.first(run_type_get_queryset(rows, self.type, info))))
        return BookPage(nodes=cast("list[BookType]", nodes), has_more=has_more)


@strawberry_django.type(Book, ordering=BookOrder)
class OrderedBook:
    """In the order that a client asks for."""

    title: auto


@strawberry_django.type(Author)
class AuthorType:
    """An author, and what resolvers make of them."""

    id: auto
    name: auto
    books: list[BookType]
    ordered_books: list[OrderedBook] = strawberry_django.field(field_name="books")
    one_book: BookType | None = strawberry_django.field(field_name="books")

    book_count: int = strawberry_django.field(annotate=Count("books"))

    @strawberry_django.field(only=["name"])
    def counted(self: Author) -> int | None:
        return getattr(self, "number", None)

    @strawberry_django.field(only=["name"])
    def shelf(self: Author) -> list[BookType]:
        return Book.objects.filter(author=self)

    @strawberry_django.field(only=["name"])
    def every_book(self: Author) -> list[BookType]:
        return Book.objects

    @strawberry_django.field(only=["name"])
    def related(self: Author) -> list[BookType]:
        return cast("Any", self).books

    @strawberry_django.field(only=["name"])
    def popped(self: Author, words: JSON) -> str:
        return cast("list[str]", words).pop()

    @strawberry_django.field(only=["name"])
    def name_length(self: Author, info: Info[Any, Any]) -> int:
        return info.context.loader.load(self.name)

    @strawberry_django.field(extensions=[FirstOf(BookType, parent="author")])
    def first_books(self) -> BookPage:
        return Book.objects.order_by("pages", "pk")


@strawberry_django.type(Book)
class BookNode(relay.Node):
    """With an id of its own making."""

    title: auto

    @classmethod
    def resolve_id(cls, root: Any, *, info: Any) -> str:
        return f"book {root.title}"


@strawberry_django.type(Loan)
class LoanNode(relay.Node):
    """With the id that strawberry-django makes."""

    reader: auto


@strawberry_django.interface(Book)
class Volume:
    """A book by its length."""

    title: auto

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, Book) and (value.pages > 99) is (cls is Tome)


@strawberry_django.type(Book)
class Tome(Volume):
    """Long."""

    pages: auto


@strawberry_django.type(Book)
class Leaflet(Volume):
    """Short."""


@strawberry_django.interface(Author)
class Named:
    """An interface of one type."""

    name: auto


@strawberry_django.type(Author)
class NamedAuthor(Named):
    """Its type."""

    country: auto


@strawberry.input
class Wanted:
    """Words to look for."""

    words: JSON


@strawberry.type
class Query:
    """The library."""

    @strawberry_django.field
    def authors(self) -> list[AuthorType]:
        return Author.objects.all()

    default: list[AuthorType] = strawberry_django.field()

    @strawberry_django.field
    def author(self, id: strawberry.ID) -> AuthorType | None:
        return Author.objects.filter(pk=id)

    @strawberry_django.field
    def forgiving(self, id: strawberry.ID) -> AuthorType | None:
        try:
            return Author.objects.filter(pk=id)
        except ValueError:
            return Author.objects.filter(name="Ben")

    @strawberry_django.field
    def by_name(self, id: strawberry.ID) -> list[AuthorType]:
        return Author.objects.filter(name__startswith=id)

    @strawberry_django.field
    def typed(self, id: strawberry.ID) -> list[AuthorType]:
        key = int(id) if isinstance(id, str) else 0
        return Author.objects.filter(pk=key)

    @strawberry_django.field
    def faulty(self, id: strawberry.ID) -> list[AuthorType]:
        CALLS.append("faulty")
        raise TypeError("A fault of the resolver's.")

    @strawberry_django.field
    def counted_authors(self) -> list[AuthorType]:
        return Author.objects.annotate(number=Count("books")).order_by("name")

    @strawberry_django.field
    def manager(self) -> list[AuthorType]:
        return Author.objects

    @strawberry_django.field
    def with_books(self) -> list[AuthorType]:
        return Author.objects.filter(books__pages__gt=1).distinct()

    @strawberry_django.field
    def called(self, words: JSON) -> list[AuthorType]:
        return Author.objects.filter(name=cast("list[str]", words).pop())

    @strawberry_django.field
    def wanted(self, wanted: Wanted) -> list[AuthorType]:
        return Author.objects.filter(name=cast("list[str]", wanted.words).pop())

    @strawberry.field
    def popped(self, words: JSON) -> str:
        return cast("list[str]", words).pop()

    @strawberry_django.field
    def books(self) -> list[BookType]:
        return Book.objects.all()

    @strawberry_django.field(extensions=[FirstOf(BookType)])
    def first_books(self) -> BookPage:
        return Book.objects.order_by("pages", "pk")

    @strawberry_django.field
    def loans(self) -> list[LoanType]:
        return Loan.objects.all()

    @strawberry_django.field
    def book_nodes(self) -> list[BookNode]:
        return Book.objects.all()

    @strawberry_django.field
    def loan_nodes(self) -> list[LoanNode]:
        return Loan.objects.order_by("pk")

    @strawberry_django.field
    def volumes(self) -> list[Volume]:
        return Book.objects.all()

    @strawberry_django.field
    def tomes(self) -> list[Tome]:
        return Book.objects.filter(pages__gt=99)

    @strawberry_django.field(extensions=[Plural(lambda model, _info: model._default_manager.all())])
    def picked(
        self, authors: list[int], loans: list[int]
    ) -> list[AuthorType | LoanType | Pamphlet | None]:
        if 13 in authors:
            raise ValueError("This is no author.")
        keys = [RowKey(Author, key) for key in authors] + [RowKey(Loan, key) for key in loans]
        return cast("Any", [*keys, None, Pamphlet(title="Tides")])

    @strawberry_django.field
    def union(self) -> list[Tome | Leaflet]:
        return Book.objects.all()

    @strawberry_django.field
    def named(self) -> list[Named]:
        return Author.objects.order_by("name")

    @strawberry_django.field
    def of_another_model(self) -> list[AuthorType]:
        return Book.objects.all()


CALLS: Final[list[str]] = []
TYPES: Final[list[Any]] = [Tome, Leaflet, NamedAuthor]
SCHEMA: Final = SilentSchema(Query, types=TYPES, extensions=[DjangoOptimizerExtension])
BARE: Final = SilentSchema(Query, types=TYPES)
