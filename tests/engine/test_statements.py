"""The engine's statements: seen by Django, prepared once, and each requester's own."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pytest
import strawberry
import strawberry_django
from django.db import connection
from django.db.models import QuerySet, UUIDField, Value
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from graphql import parse
from strawberry import Info, auto
from strawberry_django.optimizer import DjangoOptimizerExtension

from engine.operation import CompiledOperation
from engine.sql.statements import Param, ParameterReadError, Statement
from tests.engine.library.contexts import Reader
from tests.engine.library.schema import SCHEMA as LIBRARY
from tests.engine.library.tables import ANN, BEN, Author, Biography, Loan

DIRECTORY: Final = "{ authors { name firstBooks(first: 5) { nodes { title loans { reader } } } } }"
# What the moments of a test are, one after the other.
MOMENTS: Final[list[dt.datetime]] = []


@strawberry_django.type(Author)
class Writer:
    """An author, visible to all."""

    name: auto


@strawberry_django.type(Loan)
class Lent:
    """A loan, visible to all."""

    name: str = strawberry_django.field(field_name="reader")


Ask: TypeAlias = Info[Reader, Any]


def writers() -> QuerySet[Author]:
    return Author.objects.order_by("name")


@strawberry.type
class Query:
    """Lists that depend on more than on whether the reader is a librarian."""

    @strawberry_django.field
    def compared(self, info: Ask) -> list[Writer]:
        ann = Author.objects.only("code").get(name="Anna").code
        return writers().filter(name="Ben") if info.context.code == ann else writers()

    @strawberry_django.field
    def compared_with_a_constant(self, info: Ask) -> list[Writer]:
        return writers() if info.context.name == "known" else writers().filter(name="Ben")

    @strawberry_django.field
    def looked_up(self, info: Ask) -> list[Writer]:
        is_known = info.context.name in {"known", "friend"}
        return writers() if is_known else writers().filter(name="Ben")

    @strawberry_django.field
    def as_text(self, info: Ask) -> list[Writer]:
        return writers().filter(name=f"{info.context.name}")

    @strawberry_django.field
    def joined_to_text(self, info: Ask) -> list[Writer]:
        return writers().filter(name=info.context.name + "")

    @strawberry_django.field
    def as_a_value(self, info: Ask) -> list[Writer]:
        return writers().filter(code=Value(info.context.code, output_field=UUIDField()))

    @strawberry_django.field
    def asked_before(self, info: Ask) -> list[Writer]:
        own = Author.objects.filter(code=info.context.code)
        return writers().filter(pk__in=list(own.values_list("pk", flat=True)))

    @strawberry_django.field
    def since(self) -> list[Lent]:
        return Loan.objects.order_by("reader").filter(due__lte=MOMENTS.pop(0))

    @strawberry_django.field
    def since_one_of(self) -> list[Lent]:
        moment = MOMENTS.pop(0)
        span = (moment - dt.timedelta(days=999), moment)
        return Loan.objects.order_by("reader").filter(due__range=span)

    # What depends on nothing else.
    @strawberry_django.field
    def own(self, info: Ask) -> list[Writer]:
        return writers().filter(code=info.context.code)

    @strawberry_django.field
    def own_among_others(self, info: Ask) -> list[Writer]:
        own: Any = info.context.code
        return writers().filter(code__in=[own])

    @strawberry_django.field
    def no_author(self) -> Writer | None:
        return Author.objects.none()

    @strawberry_django.field
    def no_authors(self) -> list[Writer]:
        return Author.objects.none()


SCHEMA: Final = strawberry.Schema(Query, extensions=[DjangoOptimizerExtension])


def named(operation: CompiledOperation, reader: Reader) -> list[str]:
    """Return the names in the engine's answer to a list."""
    result = operation.execute(None, reader)
    assert result.errors is None
    assert result.data
    ((_name, found),) = result.data.items()
    return [each["name"] for each in found]


@pytest.fixture
def two(library: dict[str, Any]) -> tuple[Reader, Reader]:
    """Return two readers with the same rules and different codes."""
    Author.objects.filter(name="Cleo").delete()
    return Reader("known", code=ANN), Reader("Ben", code=BEN)


# Requesters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "of_ann", "of_ben"),
    [
        ("compared", ["Ben"], ["Anna", "Ben"]),
        ("comparedWithAConstant", ["Anna", "Ben"], ["Ben"]),
        ("lookedUp", ["Anna", "Ben"], ["Ben"]),
        ("asText", [], ["Ben"]),
        ("joinedToText", [], ["Ben"]),
        ("asAValue", ["Anna"], ["Ben"]),
        ("askedBefore", ["Anna"], ["Ben"]),
        ("own", ["Anna"], ["Ben"]),
        ("ownAmongOthers", ["Anna"], ["Ben"]),
    ],
)
def test_each_requester_gets_their_own_rows(
    two: tuple[Reader, Reader], field: str, of_ann: list[str], of_ben: list[str]
) -> None:
    operation = CompiledOperation.of(SCHEMA, parse(f"{{ {field} {{ name }} }}"), None)
    ann, ben = two
    for _time in range(2):
        assert named(operation, ann) == of_ann
        assert named(operation, ben) == of_ben
    again = CompiledOperation.of(SCHEMA, parse(f"{{ {field} {{ name }} }}"), None)
    assert [named(again, ben), named(again, ann)] == [of_ben, of_ann]


@pytest.mark.parametrize("field", ["since", "sinceOneOf"])
def test_current_time_is_not_cached(two: tuple[Reader, Reader], field: str) -> None:
    now = timezone.now()
    for name, due in (("Robert", now - dt.timedelta(days=9)), ("Sue", now)):
        Loan.objects.filter(reader=name).update(due=due)
    MOMENTS[:] = []
    operation = CompiledOperation.of(SCHEMA, parse(f"{{ {field} {{ name }} }}"), None)
    for reader, days, expected in (
        (two[0], 1, ["Robert"]),
        (two[1], -1, ["Robert", "Sue"]),
        (two[0], 99, []),
    ):
        # It may be built twice: with parameters, which fails, and with values.
        MOMENTS[:] = [now - dt.timedelta(days=days)] * 2
        assert named(operation, reader) == expected


def test_params_cannot_be_read() -> None:
    param: Any = Param.named("user_id")
    looks: list[Callable[[], Any]] = [
        lambda: param == "x",
        lambda: param != "x",
        lambda: str(param),
        lambda: f"{param}",
        lambda: param in ["x", "y"],
        lambda: param in {"x", "y"},
        lambda: {"x": 1}[param],
        lambda: param + "x",
        lambda: "x" + param,
    ]
    for look in looks:
        with pytest.raises(ParameterReadError):
            look()
    assert param
    assert param != ""
    assert param != None  # noqa: E711 - as Django compares


# Statements ------------------------------------------------------------------------------


def directory(reader: Reader) -> Any:
    return CompiledOperation.of(LIBRARY, parse(DIRECTORY), None).execute(None, reader)


def test_statements_pass_through_django_wrappers(
    two: tuple[Reader, Reader], django_assert_num_queries: Any
) -> None:
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        seen.append(sql)
        return execute(sql, params, many, context)

    # The authors, their first books, and the loans of these.
    with (
        connection.execute_wrapper(watch),
        CaptureQueriesContext(connection) as captured,
        django_assert_num_queries(3),
    ):
        assert directory(two[0]).errors is None
    assert len(seen) == len(captured) == 3
    assert "LATERAL" in seen[1]
    assert "%s" in seen[1]
    assert "unnest($1::bigint[])" in captured[1]["sql"]


def test_wrapper_exception_fails_the_field(two: tuple[Reader, Reader]) -> None:
    seen: list[str] = []

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        seen.append(sql)
        if "LATERAL" in sql:
            raise RuntimeError("Not this one.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        result = directory(two[0])
    assert len(seen) == 2
    assert result.data is None
    (error,) = result.errors
    assert (error.message, error.path) == ("Not this one.", ["authors", 0, "firstBooks"])
    source = '{ author(id: "1") { name } firstBooks(first: 1) { nodes { title } } }'
    with connection.execute_wrapper(lambda *_arguments: 1 / 0):
        result = CompiledOperation.of(LIBRARY, parse(source), None).execute(None, two[0])
    assert [error.path for error in result.errors or ()] == [["author"], ["firstBooks"]]


def prepared() -> dict[str, int]:
    """Return the connection's prepared statements, and how often each was run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")
        return dict(cursor.fetchall())


def test_statements_are_prepared_once(two: tuple[Reader, Reader]) -> None:
    before = prepared()
    operation = CompiledOperation.of(LIBRARY, parse(DIRECTORY), None)
    for _time in range(4):
        for reader in (two[0], Reader("Lib", is_librarian=True)):
            assert operation.execute(None, reader).errors is None
    runs = {sql: count - before.get(sql, 0) for sql, count in prepared().items()}
    new = [count for count in runs.values() if count]
    # The librarian sees all loans, the other reader their own.
    assert sorted(new) == [4, 4, 8, 8]


def test_list_of_one_object_needs_no_lateral_join(two: tuple[Reader, Reader]) -> None:
    before = prepared()
    operation = CompiledOperation.of(LIBRARY, parse(DIRECTORY), None)
    assert operation.execute(None, two[0]).errors is None
    Author.objects.filter(name="Ben").delete()
    assert operation.execute(None, two[0]).errors is None
    runs = {sql: count - before.get(sql, 0) for sql, count in prepared().items()}
    books = {sql: count for sql, count in runs.items() if count and '"library_book"."title"' in sql}
    assert sorted(("LATERAL" in sql, count) for sql, count in books.items()) == [
        (False, 1),
        (True, 1),
    ]


def test_statements_are_not_prepared_if_switched_off(
    two: tuple[Reader, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prepared()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    operation = CompiledOperation.of(LIBRARY, parse(DIRECTORY), None)
    for _time in range(7):
        assert operation.execute(None, two[0]).errors is None
    assert prepared() == before


def test_statements_contain_no_current_time(library: dict[str, Any]) -> None:
    now = timezone.now()
    for rows in (
        Loan.objects.filter(due__gt=now),
        Loan.objects.filter(due__in=[now, now]),
        Biography.objects.annotate(now=Value(now)),
    ):
        with pytest.raises(ParameterReadError):
            Statement.of(rows.values_list())
        assert Statement.of(rows.values_list(), once=True).rows({}) == []


def test_empty_queryset_runs_no_statement(
    two: tuple[Reader, Reader], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert Statement.of(Author.objects.none().values_list()).rows({}) == ()
        operation = CompiledOperation.of(
            SCHEMA, parse("{ noAuthor { name } noAuthors { name } }"), None
        )
        result = operation.execute(None, two[0])
    assert result.data == {"noAuthor": None, "noAuthors": []}


def test_null_param_equals_nothing(library: dict[str, Any]) -> None:
    param = Param.named("reader").then(lambda reader: reader or None)
    statement = Statement.of(Loan.objects.filter(reader=param).values_list("reader"))
    assert list(statement.rows({"reader": "Sue"})) == [("Sue",)]
    assert list(statement.rows({"reader": ""})) == []
