"""How a plan is explained: by the readers that the execution used."""

from typing import Any

import pytest
from graphql import parse

from engine.operation import CompiledOperation
from engine.read import reader as readers
from engine.trace import Trace
from tests.engine.library.contexts import Reader
from tests.engine.library.schema import SCHEMA
from tests.engine.library.tables import Author

SOURCE = """{
  authors {
    __typename name bookCount counted
    books { title author { name } loans { guarded } }
    page: firstBooks(first: 1) { nodes { title } hasMore }
    shelf { title }
  }
  firstBooks(first: 1) { nodes { author { id } } }
  named { ... on NamedAuthor { country } }
  popped(words: ["x"])
}"""
LINES = [
    "authors ([AuthorType!]!): statement",
    "  __typename: name of the type",
    "  name: column name",
    "  bookCount: computed column",
    "  counted: resolver, called for each",
    "  books ([BookType!]!): statement for all",
    "    title: column title",
    "    author (AuthorType!): joined",
    "      name: column name",
    "    loans ([LoanType!]!): statement for all",
    "      guarded: column reader, by the rule OfLibrarians",
    "  page = firstBooks (BookPage!): statement for the lists of all",
    "    nodes ([BookType!]!): rows of the page",
    "      title: column title",
    "    hasMore: attribute",
    "  shelf ([BookType!]!): resolver, called for each",
    "    title: resolver",
    "firstBooks (BookPage!): statement",
    "  nodes ([BookType!]!): rows of the page",
    "    author (AuthorType!): joined",
    "      id: column id",
    "named ([Named!]!): statement",
    "  country: column country",
    "popped: resolver",
]


def explain(operation: CompiledOperation) -> list[str]:
    trace = Trace()
    operation.execute(None, Reader("Lib", is_librarian=True), trace=trace)
    return trace.plan()


def test_each_field_is_explained_by_its_reader(library: dict[str, Any]) -> None:
    assert explain(CompiledOperation.of(SCHEMA, parse(SOURCE), None)) == LINES


def test_levels_that_were_not_reached_are_explained_too(library: dict[str, Any]) -> None:
    Author.objects.all().delete()
    assert explain(CompiledOperation.of(SCHEMA, parse(SOURCE), None)) == LINES


def test_explaining_compiles_nothing_that_was_executed(
    library: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = CompiledOperation.of(SCHEMA, parse(SOURCE), None)
    trace = Trace()
    operation.execute(None, Reader("Lib", is_librarian=True), trace=trace)
    monkeypatch.delattr(readers, "_Level")
    assert trace.plan() == LINES
