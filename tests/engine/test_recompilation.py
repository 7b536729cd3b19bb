"""When querysets are recompiled, and for which reason; what resolvers raise is their own error."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import pytest
import strawberry
import strawberry_django
from django.core.exceptions import FieldError, ObjectDoesNotExist, ValidationError
from django.db.models import QuerySet
from graphql import parse
from strawberry import Info, auto

from engine.operation import CompiledOperation
from engine.sql.statements import ParameterReadError
from tests.engine.library.contexts import Reader, Visitor
from tests.engine.library.schema import BookPage, BookType, FirstOf
from tests.engine.library.tables import Author, Book, Loan
from tests.engine.silent import SilentSchema

CALLS: Final[list[str]] = []
RAISED: Final[list[Exception]] = []
Ask: TypeAlias = Info[Reader, Any]


def fail(name: str) -> None:
    """Raise the exception of the test, once for each call of a resolver."""
    CALLS.append(name)
    raise RAISED[0]


@strawberry_django.type(Loan)
class FaultyLoan:
    """A loan whose queryset cannot be built."""

    reader: auto

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Loan], info: Ask) -> QuerySet[Loan]:
        fail("loans")
        return queryset


@strawberry_django.type(Book)
class FaultyBook:
    """A book with such loans."""

    title: auto
    loans: list[FaultyLoan]


@strawberry_django.type(Author)
class Writer:
    """An author with faulty fields."""

    name: auto

    @strawberry_django.field(extensions=[FirstOf(BookType, parent="author")])
    def faulty_books(self) -> BookPage:
        fail("faulty books")
        return Book.objects.order_by("pk")


@strawberry.type
class Shelf:
    """Not of a model, with a number, and authors."""

    number: int

    @strawberry_django.field
    def authors(self) -> list[Writer]:
        return Author.objects.filter(pk__gt=self.number - 1)


@strawberry.type
class Query:
    """A field for each reason, and for each place of a fault."""

    @strawberry_django.field
    def compared(self, info: Ask) -> list[Writer]:
        return Author.objects.all() if info.context.name == "Sue" else Author.objects.none()

    @strawberry.field
    def shelf(self) -> Shelf:
        return Shelf(number=1)

    @strawberry_django.field
    def searched(self, word: str) -> list[Writer]:
        return Author.objects.filter(name__startswith=word)

    @strawberry_django.field
    def looked_up(self) -> list[Writer]:
        return Author.objects.filter(pk__in=list(Loan.objects.values_list("pk", flat=True)))

    @strawberry_django.field
    def late(self) -> list[Writer]:
        return Author.objects.filter(books__loans__due__lt=dt.datetime.now(dt.UTC))

    @strawberry_django.field
    def listed(self) -> list[Writer]:
        return cast("Any", list(Author.objects.all()))

    @strawberry_django.field
    def distinct(self) -> list[Writer]:
        return Author.objects.distinct()

    @strawberry_django.field
    def started(self, id: strawberry.ID) -> list[Writer]:
        return Author.objects.filter(name__startswith=id)

    @strawberry_django.field
    def one(self, id: strawberry.ID) -> Writer | None:
        return Author.objects.filter(pk=id)

    @strawberry_django.field
    def all(self) -> list[Writer]:
        return Author.objects.all()

    @strawberry_django.field
    def faulty_list(self, info: Ask) -> list[Writer]:
        fail("faulty list")
        return Author.objects.all()

    @strawberry_django.field
    def faulty_one(self, id: strawberry.ID) -> Writer | None:
        fail("faulty one")
        return Author.objects.all()

    @strawberry_django.field(extensions=[FirstOf(BookType)])
    def faulty_page(self) -> BookPage:
        fail("faulty page")
        return Book.objects.order_by("pk")

    @strawberry_django.field
    def faulty_books(self) -> list[FaultyBook]:
        return Book.objects.order_by("pk")


SCHEMA: Final = SilentSchema(Query)


@pytest.mark.parametrize(
    ("source", "context", "reason"),
    [
        ("{ compared { name } }", Reader, "value"),
        ("{ shelf { authors { name } } }", Reader, "attribute"),
        ('{ searched(word: "A") { name } }', Reader, "arguments"),
        ("{ lookedUp { name } }", Reader, "database"),
        ("{ late { name } }", Reader, "moment"),
        ('{ started(id: "A") { name } }', Reader, "unchecked id"),
        ('{ one(id: "x") { name } }', Reader, "invalid id"),
        ("{ all { name } }", Visitor, "visibility"),
        ('{ one(id: "1") { name } }', Reader, None),
        ("{ all { name } }", Reader, None),
    ],
)
def test_statements_are_counted_by_the_reason_of_their_recompilation(
    library: dict[str, Any], source: str, context: Callable[[str], Any], reason: str | None
) -> None:
    reasons: Counter[str | None] = Counter()

    def count(reason: str | None) -> None:
        reasons[reason] += 1

    operation = CompiledOperation.of(SCHEMA, parse(source), None, on_statement=count)
    for times in (1, 2, 3):
        actual = operation.execute(None, context("Sue"))
        expected = SCHEMA.execute_sync(source, context_value=context("Sue"))
        if reason == "invalid id":
            # Without the engine, Django refuses the id.
            assert actual.errors is not None
        assert (actual.data, str(actual.errors)) == (expected.data, str(expected.errors))
        if reason != "invalid id":
            assert reasons == {reason: times}


@pytest.mark.parametrize("field", ["listed", "distinct"])
def test_what_is_no_queryset_is_no_statement_of_the_engine(
    library: dict[str, Any], field: str
) -> None:
    reasons: list[str | None] = []
    operation = CompiledOperation.of(
        SCHEMA, parse(f"{{ {field} {{ name }} }}"), None, on_statement=reasons.append
    )
    for _time in range(2):
        result = operation.execute(None, Reader("Sue"))
        assert result.errors is None
        assert len((result.data or {})[field]) == 3
    assert reasons == []


# Resolvers raise them on purpose.
FAULTS: Final = [
    *(TypeError("A fault."), AttributeError("A fault."), ValueError("A fault.")),
    *(KeyError("A fault."), NotImplementedError("A fault."), RuntimeError("A fault.")),
    *(FieldError("A fault."), ObjectDoesNotExist("A fault."), ValidationError("A fault.")),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{ faultyList { name } }", ["faultyList"]),
        ('{ faultyOne(id: "1") { name } }', ["faultyOne"]),
        ("{ faultyPage(first: 1) { hasMore } }", ["faultyPage"]),
        ("{ all { faultyBooks(first: 1) { hasMore } } }", ["all", 0, "faultyBooks"]),
        ("{ faultyBooks { loans { reader } } }", ["faultyBooks", 0, "loans"]),
    ],
)
def test_only_the_parameter_error_means_that_it_cannot_be_compiled(
    library: dict[str, Any], fault: Exception, source: str, path: list[Any]
) -> None:
    RAISED[:] = [fault]
    CALLS.clear()
    reasons: list[str | None] = []
    operation = CompiledOperation.of(SCHEMA, parse(source), None, on_statement=reasons.append)
    result = operation.execute(None, Reader("Sue"))
    (error,) = result.errors or []
    assert (error.original_error, error.path) == (fault, path)
    # It is called once, not again with values.
    assert len(CALLS) == 1
    assert set(reasons) <= {None}
    expected = SCHEMA.execute_sync(source, context_value=Reader("Sue"))
    assert (result.data, str(error)) == (expected.data, str((expected.errors or [error])[0]))
    assert expected.errors


def test_the_parameter_error_itself_is_an_error_if_it_comes_from_values(
    library: dict[str, Any],
) -> None:
    RAISED[:] = [ParameterReadError("Raised by the resolver.")]
    CALLS.clear()
    operation = CompiledOperation.of(SCHEMA, parse("{ faultyList { name } }"), None)
    result = operation.execute(None, Reader("Sue"))
    assert [error.message for error in result.errors or ()] == ["Raised by the resolver."]
    assert CALLS == ["faulty list"] * 2
