"""What an answer depends on: found by the tables of entities, or declared."""

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

import pytest
import strawberry
import strawberry_django
from django.db.models import Count
from graphql import VariableValues, get_variable_values, parse
from strawberry import auto, relay

from engine.fields.dependencies import (
    COVERED,
    Entity,
    NotCacheableError,
    Root,
    RootByType,
    covered,
    dependencies_of,
)
from engine.fields.extensions import FieldRule
from engine.operation import CompiledOperation
from tests.engine.library.tables import Author, Biography, Book, Loan
from tests.engine.silent import SilentSchema

SHELVES: Final = UUID(int=7)
AUTHOR: Final = Entity("author", {Author: "id", Biography: "author_id", Book: "author_id"})
READER: Final = Entity("reader", {Loan: "reader"}, parts={(Loan, "book"): AUTHOR})
ONCE: Final = Entity("loans", {Loan: ""}, key=SHELVES)
AND_ONCE: Final = covered(ONCE)


def by_number(arguments: Any, context: int) -> list[UUID]:
    return [UUID(int=arguments["number"]), UUID(int=context)]


NODES: Final = RootByType(
    {
        "AuthorNode": Root(AUTHOR, by_number),
        "LoanNode": Root(ONCE, lambda _arguments, _context: ()),
    },
    lambda arguments: f"{arguments['kind'].title()}Node",
)


class Undecided(FieldRule):
    """A rule that does not say what it depends on."""

    def allows(self, context: Any, values: Sequence[Any]) -> Sequence[bool]:
        return [True] * len(values)


class Decided(Undecided):
    """Depends on the requester and the object."""

    is_covered = True


@strawberry_django.type(Biography)
class BiographyType:
    """Of an author."""

    text: auto
    author: "AuthorType"


@strawberry_django.type(Author)
class AuthorType:
    """With fields of each kind."""

    name: auto
    books: "list[BookType]"
    biography: BiographyType | None
    ruled: str | None = strawberry_django.field(field_name="name", extensions=[Undecided()])
    decided: str | None = strawberry_django.field(field_name="name", extensions=[Decided()])
    counted: int = strawberry_django.field(annotate=Count("books"))
    covered_count: int = strawberry_django.field(annotate=Count("books"), metadata=COVERED)

    @strawberry_django.field(only=["name"])
    def resolved(self: Author) -> str:
        return self.name

    @strawberry_django.field(only=["name"], metadata=COVERED)
    def covered(self: Author) -> str:
        return self.name

    @strawberry_django.field(only=["name"], metadata=AND_ONCE)
    def and_once(self: Author) -> str:
        return self.name


@strawberry_django.type(Book)
class BookType:
    """Of an author, with loans."""

    title: auto
    author: AuthorType
    loans: "list[LoanType]"


@strawberry_django.type(Loan)
class LoanType:
    """Of a book."""

    reader: auto
    book: BookType


@strawberry_django.type(Author)
class AuthorNode(relay.Node):
    """An author among nodes."""

    id: relay.NodeID[int]
    name: auto
    counted: int = strawberry_django.field(annotate=Count("books"))


@strawberry_django.type(Loan)
class LoanNode(relay.Node):
    """A loan among nodes."""

    id: relay.NodeID[int]
    reader: auto


@strawberry_django.type(Book)
class BookNode(relay.Node):
    """A book among nodes, for which the root declares nothing."""

    id: relay.NodeID[int]
    title: auto


@strawberry.type
class Query:
    """Roots with and without a dependency."""

    @strawberry_django.field(metadata=Root(AUTHOR, by_number).metadata)
    def author(self, number: int) -> AuthorType | None:
        return Author.objects.filter(pk=number)

    @strawberry_django.field(metadata=Root(READER, by_number).metadata)
    def loan(self, number: int) -> LoanType | None:
        return Loan.objects.filter(pk=number)

    @strawberry_django.field(metadata=Root(ONCE, lambda _arguments, _context: []).metadata)
    def loans(self) -> list[LoanType]:
        return Loan.objects.all()

    @strawberry_django.field
    def authors(self) -> list[AuthorType]:
        return Author.objects.all()

    @strawberry_django.field(metadata=NODES.metadata)
    def node(self, kind: str, number: int) -> relay.Node | None:
        models = {"author": Author, "book": Book, "loan": Loan}
        return models[kind]._default_manager.filter(pk=number)


@strawberry.type
class Mutation:
    """Changes nothing."""

    @strawberry.mutation
    def nothing(self) -> int:
        return 1


SCHEMA: Final = SilentSchema(Query, Mutation, types=[AuthorNode, LoanNode, BookNode])


def keys(source: str, **given: Any) -> set[int]:
    """Return the keys of what an operation depends on, as the requester 1."""
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    definitions = operation.document.operation.variable_definitions
    variables = VariableValues(sources={}, coerced={})
    if definitions:
        coerced = get_variable_values(operation.document.schema, definitions, given)
        assert not isinstance(coerced, list)
        variables = coerced
    found = dependencies_of(operation.plan(variables), [ONCE])
    return {each.int for each in found.keys(variables, 1)}


@pytest.mark.parametrize(
    "selected",
    [
        "name",
        "__typename",
        "covered",
        "decided",
        "coveredCount",
        "biography { text }",
        "biography { author { name } }",
        "books { title author { name } }",
    ],
)
def test_covered_fields_depend_on_the_entity(selected: str) -> None:
    assert keys(f"{{ author(number: 5) {{ {selected} }} }}") == {5, 1}


def test_keys_follow_variables() -> None:
    assert keys("query ($n: Int!) { author(number: $n) { name } }", n=9) == {9, 1}


def test_keys_of_all_root_fields_count() -> None:
    assert keys("{ a: author(number: 5) { name } loan(number: 6) { reader } }") == {5, 6, 1}


def test_relations_lead_to_entities_that_there_are_once() -> None:
    assert keys("{ author(number: 5) { books { loans { reader } } } }") == {5, 1, SHELVES.int}
    assert keys("{ loans { reader } }") == {SHELVES.int}


def test_relations_lead_to_declared_parts() -> None:
    assert keys("{ loan(number: 5) { book { title author { biography { text } } } } }") == {5, 1}


def test_fields_add_entities_that_there_are_once() -> None:
    assert keys("{ author(number: 5) { name andOnce } }") == {5, 1, SHELVES.int}
    assert keys("{ author(number: 5) { books { author { andOnce } } } }") == {5, 1, SHELVES.int}


def test_fields_add_no_entity_of_several() -> None:
    with pytest.raises(ValueError, match="there are once"):
        covered(ONCE, AUTHOR)


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("{ authors { name } }", "Query.authors"),
        ("{ author(number: 5) { name } authors { name } }", "Query.authors"),
        ("{ author(number: 5) { ruled } }", "AuthorType.ruled"),
        ("{ author(number: 5) { counted } }", "AuthorType.counted"),
        ("{ author(number: 5) { books { author { resolved } } } }", "AuthorType.resolved"),
        # The book of a loan may be another than the one with the key.
        ("{ author(number: 5) { books { loans { book { title } } } } }", "LoanType.book"),
        ("{ loans { book { title } } }", "LoanType.book"),
    ],
)
def test_first_field_without_a_dependency_is_named(source: str, field: str) -> None:
    with pytest.raises(NotCacheableError, match=f"^{field} declares no dependency.$"):
        keys(source)


NODE: Final = """query ($kind: String!) { node(kind: $kind, number: 5) {
    id ... on AuthorNode { name } ... on BookNode { title } ... on LoanNode { reader }
} }"""


def test_roots_of_several_types_depend_on_the_type_that_is_asked_for() -> None:
    assert keys(NODE, kind="author") == {5, 1}
    assert keys(NODE, kind="loan") == {SHELVES.int}
    uncovered = NODE.replace("name", "counted")
    assert keys(uncovered, kind="loan") == {SHELVES.int}
    for source, kind, field in (
        (NODE, "book", "Query.node of BookNode"),
        (NODE, "magazine", "Query.node"),
        (uncovered, "author", "AuthorNode.counted"),
    ):
        with pytest.raises(NotCacheableError, match=f"^{field} declares no dependency.$"):
            keys(source, kind=kind)


def test_the_type_is_decided_for_each_request() -> None:
    operation = CompiledOperation.of(SCHEMA, parse(NODE), None)
    for _time in range(2):
        with pytest.raises(NotCacheableError):
            operation.dependencies({"kind": "book"}, cast("Any", 1), [ONCE])
        assert operation.is_cacheable is None
        found = operation.dependencies({"kind": "author"}, cast("Any", 1), [ONCE])
        assert (found, operation.is_cacheable) == ({UUID(int=5), UUID(int=1)}, None)


def test_answers_without_data_are_not_cached() -> None:
    with pytest.raises(NotCacheableError, match="reads nothing"):
        keys("{ __typename }")


def test_mutations_are_not_cached() -> None:
    with pytest.raises(NotCacheableError, match="not a query"):
        keys("mutation { nothing }")
