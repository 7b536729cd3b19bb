"""What the engine does not model it refuses: compared with graphql-core, errors included."""

import json
from collections import Counter
from typing import Any, Final, cast

import pytest
from django.db import connection
from graphql import parse

from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from tests.engine.library.contexts import LOADED, Reader, Visitor
from tests.engine.library.schema import BARE, CALLS, SCHEMA
from tests.engine.library.tables import Author

SUE: Final = ("Sue", False)
LIBRARIAN: Final = ("Lib", True)
CONTEXTS: Final[tuple[Any, ...]] = (Reader, Visitor)


pytestmark = pytest.mark.usefixtures("library")


def summarize(result: Any) -> Any:
    """Return the answer's bytes, and its errors."""
    errors = [
        (error.message, error.path, error.locations, type(error.original_error))
        for error in result.errors or ()
    ]
    return json.dumps(result.data), errors


def planned(source: str, reasons: Counter[str | None] | None = None) -> CompiledOperation:
    def count(reason: str | None) -> None:
        if reasons is not None:
            reasons[reason] += 1

    return CompiledOperation.of(SCHEMA, parse(source), None, on_statement=count)


def compare(source: str, variables: dict[str, Any] | None = None) -> Any:
    """Execute by the engine and by graphql-core, for contexts of both kinds; return the data."""
    operation = planned(source)
    for name, is_librarian in (SUE, LIBRARIAN, SUE):
        for context in CONTEXTS:
            given = [json.loads(json.dumps(variables)) for _each in range(3)]
            actual = operation.execute(given[0], context(name, is_librarian))
            for schema, mine in ((SCHEMA, given[1]), (BARE, given[2])):
                expected = schema.execute_sync(
                    source, variable_values=mine, context_value=context(name, is_librarian)
                )
                assert summarize(actual) == summarize(expected)
    return actual.data


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("{ books { title authorId author { name } } }", 4),
        ("{ loanNodes { id reader } }", 3),
        ("{ default { name counted } }", 3),
        ("{ countedAuthors { name counted } }", 3),
        ("{ countedAuthors { nameLength books { title } } }", 3),
        ("{ authors { shelf { title } everyBook { title loans { reader } } } }", 3),
        ("{ authors { related { title } } }", None),
        ("{ withBooks { name } }", 2),
        ("{ named { __typename name ... on NamedAuthor { country } } }", 3),
        ("{ volumes { __typename title } }", 4),
        ("{ tomes { __typename } }", 1),
        ("{ union { __typename ... on Volume { title } } }", 4),
        ("{ ofAnotherModel { name } }", None),
        ("{ ofAnotherModel { __typename } }", None),
        ("{ loans { guarded } }", None),
        ("{ firstBooks(first: 2) { nodes { title author { name } } hasMore } }", 2),
        ("{ authors { name firstBooks(first: 1) { nodes { title } hasMore } } }", 3),
        ("{ firstBooks(first: -1) { hasMore } }", None),
        ('{ called(words: ["Ben", "Anna"]) { name } popped(words: ["a"]) }', 1),
        ('{ wanted(wanted: {words: ["Ben", "Anna"]}) { name } }', 1),
        ('{ countedAuthors { popped(words: ["x", "y"]) } }', 3),
    ],
)
def test_both_executors_answer_alike(source: str, rows: int | None) -> None:
    data = compare(source)
    assert (data and len(next(iter(data.values())))) == rows


PICKED: Final = """query ($authors: [Int!]!, $loans: [Int!]!) {
  picked(authors: $authors, loans: $loans) {
    __typename
    ... on AuthorType { name nameLength everyBook { title loans { reader } } }
    ... on LoanType { reader guarded }
    ... on Pamphlet { title }
  }
}"""


@pytest.mark.parametrize(
    ("authors", "loans"), [([], []), ([2, 99, 1, 2], [3, 1, 2, 1]), ([1], [99])], ids=str
)
def test_rows_are_read_by_keys_at_their_places(authors: list[int], loans: list[int]) -> None:
    """Also of the same key twice, and of rows that are missing or not visible."""
    keys = {"authors": authors, "loans": loans}
    reasons: Counter[str | None] = Counter()
    operation = planned(PICKED, reasons)
    for _request in range(2):
        data = operation.execute(keys, Reader(*LIBRARIAN)).data
    found = cast("dict[str, Any]", data)["picked"]
    assert len(found) == len(authors) + len(loans) + 2
    assert found[-2:] == [None, {"__typename": "Pamphlet", "title": "Tides"}]
    # Compiled by the first request.
    assert set(reasons) <= {None}
    compare(PICKED, keys)


def test_keys_that_the_resolver_refuses_are_its_error() -> None:
    assert compare(PICKED, {"authors": [13], "loans": []}) is None


def test_lists_come_in_the_models_order_or_in_that_of_their_keys() -> None:
    operation = planned("{ authors { name books { title loans { reader } } } manager { name } }")
    data = operation.execute(None, Reader(*LIBRARIAN)).data
    assert data is not None
    assert [each["name"] for each in data["authors"]] == ["Anna", "Ben", "Cleo"]
    assert data["manager"] == [{"name": name} for name in ("Anna", "Ben", "Cleo")]
    assert [each["title"] for each in data["authors"][0]["books"]] == ["Bees", "Ants"]
    loans = data["authors"][0]["books"][0]["loans"]
    assert [each["reader"] for each in loans] == ["Robert", "Sue", "Tim"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{ authors { orderedBooks { title } } }", "has filters or pages"),
        ("{ authors { oneBook { title } } }", "one object of many"),
        ("{ books { oneLoan { reader } } }", "one object of many"),
        ("{ bookNodes { id } }", "no column's value"),
        ("{ default { bookCount } }", "annotates instances"),
    ],
)
def test_what_is_not_modelled_is_refused(source: str, reason: str) -> None:
    with pytest.raises(NotPlannableError, match=reason):
        planned(source).execute(None, Reader(*SUE))


@pytest.mark.parametrize("field", ["author", "forgiving", "byName", "typed"])
@pytest.mark.parametrize("id_", ["", "x", "99999999999999999999", "-1", "1.5", "B", "Z\u00eb"])
def test_bad_ids_do_not_reach_postgresql(field: str, id_: str) -> None:
    compare(f"query ($id: ID!) {{ {field}(id: $id) {{ name }} }}", {"id": id_})
    # The transaction goes on.
    assert Author.objects.count() == 3


def test_good_ids_use_one_statement(library: dict[str, Any]) -> None:
    reasons: Counter[str | None] = Counter()
    operation = planned("query ($id: ID!) { author(id: $id) { name } }", reasons)
    for key in ("ann", "ben"):
        result = operation.execute({"id": str(library[key].pk)}, Reader(*SUE))
        assert result.data == {"author": {"name": Author.objects.get(pk=library[key].pk).name}}
    assert reasons == {None: 2}
    assert operation.execute({"id": "x"}, Reader(*SUE)).data == {"author": None}
    assert reasons == {None: 2}
    assert operation.execute({"id": str(library["ann"].pk)}, Reader(*SUE)).errors is None
    assert reasons == {None: 3}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('{ byName(id: "B") { name } }', "unchecked id"),
        ('{ typed(id: "1") { name } }', "value"),
        ('{ called(words: ["Ben"]) { name } }', "arguments"),
    ],
)
def test_recompilations_are_counted_by_reason(source: str, reason: str) -> None:
    reasons: Counter[str | None] = Counter()
    operation = planned(source, reasons)
    for count in (1, 2):
        assert operation.execute(None, Reader(*SUE)).errors is None
        assert reasons == {reason: count}


def test_a_fault_of_a_resolver_is_not_taken_for_a_parameter() -> None:
    CALLS.clear()
    operation = planned('{ faulty(id: "1") { name } }')
    result = operation.execute(None, Reader(*SUE))
    assert [error.message for error in result.errors or ()] == ["A fault of the resolver's."]
    assert CALLS == ["faulty"]


def test_nothing_of_a_context_without_visibility_is_shared() -> None:
    reasons: Counter[str | None] = Counter()
    operation = planned("{ loans { reader guarded } }", reasons)
    for name, is_librarian, count in (("Sue", False, 1), ("Lib", True, 3), ("Tim", False, 1)):
        result = operation.execute(None, cast("Any", Visitor(name, is_librarian)))
        assert len((result.data or {"loans": [None]})["loans"] or [None]) == count
    assert reasons == {"visibility": 3}
    assert operation.document is not None
    for name in ("Sue", "Tim"):
        operation.execute(None, Reader(name))
    assert reasons == {"visibility": 3, None: 2}


@pytest.mark.parametrize(
    "source", ['{ popped(words: ["a", "b"]) }', '{ called(words: ["Ben"]) { id } }']
)
def test_literals_are_not_shared_between_requests(source: str) -> None:
    operation = planned(source)
    first, second = (summarize(operation.execute(None, Reader(*SUE))) for _time in range(2))
    assert first == second
    assert first[1] == []


def test_annotations_of_fields_are_read_from_rows() -> None:
    source = "{ authors { name bookCount } }"
    actual = planned(source).execute(None, Reader(*SUE))
    assert summarize(actual) == summarize(SCHEMA.execute_sync(source, context_value=Reader(*SUE)))
    assert actual.errors is None


def test_a_level_is_loaded_at_once() -> None:
    LOADED.clear()
    planned("{ authors { nameLength } }").execute(None, Reader(*SUE))
    assert [sorted(names) for names in LOADED] == [["Anna", "Ben", "Cleo"]]


def test_the_tables_are_temporary() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'library_book'")
        assert cursor.fetchall() == [("t",)]
