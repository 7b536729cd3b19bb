"""CPU and memory of parsing and validation, for documents at the limits."""

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, Final

import pytest
from django.conf import settings as django_settings
from graphql import GraphQLError, Lexer, Source, TokenKind
from graphql.execution.values import VariableValues
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import operation as executor
from engine.caches import SizedCache
from engine.operation import PLANS, CompiledOperation
from engine.plan.selection import NotPlannableError
from schema.documents import document as documents
from schema.documents import limits, weights
from schema.documents.document import Document
from schema.http.execution import problems
from schema.root import schema
from tests.support.adversarial import PIECES, TEXTS, largest, longest
from tests.support.client import GraphQLClient
from tests.support.documents import SCHEMA
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

# The bound is three times the actual cost. Measured as CPU time of this thread, without garbage
# collection, which other tests would distort.
MAX_SECONDS: Final = 0.3


def tokens(source: str) -> int:
    """Return the number of tokens, or one beyond the limit."""
    # The lexer skips comments.
    lexer, count = Lexer(Source(source)), source.count("#")
    while count <= limits.MAX_TOKENS and lexer.advance().kind is not TokenKind.EOF:
        count += 1
    return count


@cache
def document(name: str) -> str:
    """Return the largest document of a kind."""
    return largest(PIECES[name], tokens) if name in PIECES else longest(TEXTS[name])


def prepare(source: str) -> tuple[Document, list[GraphQLError]] | None:
    """Run all steps before execution."""
    try:
        document = Document(source)
    except GraphQLError:
        return None
    errors = problems(document)
    if not errors:
        plan(document)
    return document, errors


def plan(document: Document) -> CompiledOperation | None:
    name = "Q0" if "query Q0" in document.source else None
    try:
        operation = CompiledOperation.of(schema, document.syntax, name, document.size)
        operation.plan(VariableValues({}, {}))
    except (GraphQLError, NotPlannableError):
        return None
    return operation


def seconds(source: str) -> float:
    """Return the document's CPU time, of the better run if the first is slow."""
    taken = _seconds(source)
    return taken if taken < MAX_SECONDS else min(taken, _seconds(source))


def _seconds(source: str) -> float:
    PLANS.clear()
    gc.disable()
    before = time.thread_time()
    prepare(source)
    taken = time.thread_time() - before
    gc.enable()
    return taken


@pytest.mark.parametrize("name", [*PIECES, *TEXTS])
def test_adversarial_document_is_prepared_quickly(name: str) -> None:
    assert seconds(document(name)) < MAX_SECONDS


@given(st.lists(st.sampled_from(sorted(PIECES)), min_size=2, max_size=6, unique=True), st.data())
@settings(max_examples=40)
def test_mixed_documents_are_prepared_quickly(kinds: list[str], data: st.DataObject) -> None:
    parts = []
    for number, kind in enumerate(kinds):
        part = PIECES[kind](data.draw(st.integers(1, 120)))
        # Each document has its own operation and fragments.
        part = part if part.startswith(("query", "mutation", "type")) else f"query {part}"
        parts.append(part.replace("F", f"F{number}x").replace("query", f"query P{number}", 1))
    assert seconds(" ".join(parts)) < MAX_SECONDS


def test_comparisons_are_bounded_with_what_to_do(anonymous: GraphQLClient) -> None:
    answer = anonymous(document("objects"))
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert "Select each field once" in answer.body["errors"][0]["message"]


def test_errors_are_bounded(anonymous: GraphQLClient) -> None:
    answer = anonymous(document("unknown types"))
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"] * (documents.MAX_VALIDATION_ERRORS + 1)
    assert "Did you mean" in answer.body["errors"][0]["message"]


def test_operations_of_a_document_are_weighed_in_bounded_steps(anonymous: GraphQLClient) -> None:
    query = document("operations of introspection")
    answer = anonymous.post(json.dumps({"query": query, "operationName": "Q0"}))
    assert answer.codes == ["FIELDS_EXCEEDED"]


def test_character_limit_is_independent_of_the_body_limit(
    anonymous: GraphQLClient, settings: Any
) -> None:
    settings.GRAPHQL_MAX_BODY_BYTES = django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000_000
    room = limits.MAX_CHARACTERS - len("#\n{ me { id } }")
    assert anonymous("#" + "x" * room + "\n{ me { id } }").codes == []
    assert anonymous("#" + "x" * (room + 1) + "\n{ me { id } }").codes == ["DOCUMENT_TOO_LARGE"]


# Memory ----------------------------------------------------------------------------------


def traced(work: Callable[[], Any]) -> tuple[int, Any]:
    """Return the bytes that the result keeps allocated."""
    gc.collect()
    # Otherwise each collection would traverse the objects of all earlier tests.
    gc.freeze()
    tracemalloc.start()
    made = work()
    gc.collect()
    used, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used, made


@pytest.mark.parametrize("name", [*PIECES, *TEXTS])
def test_size_of_a_document_is_not_underestimated(name: str) -> None:
    # Fills the caches of the libraries.
    prepare_only(document(name))
    used, made = traced(lambda: prepare_only(document(name)))
    if made is not None:
        assert used <= made.size


def prepare_only(source: str) -> Document | None:
    """Return the document, validated but not planned."""
    try:
        document = Document(source)
    except GraphQLError:
        return None
    problems(document)
    return document


PAGE: Final = """query Q%d($n: Int = 2) { me { id }
  users(first: $n) { nodes { id username name profile { bio givenName } groups { name }
    memberships(first: 3) { nodes { role organization { name } } } } pageInfo { endCursor } }
  a%d: organizations(first: 2) { nodes { name members(first: 2) { nodes { user { name } } } } } }
"""


def test_size_of_a_plan_is_not_underestimated(client_of: ClientOf, sam: User) -> None:
    """Covers documents, plans, statements and field metadata."""
    client = client_of(sam)
    client(PAGE % (0, 0))
    documents.DOCUMENTS.clear()
    PLANS.clear()

    def ask() -> None:
        for number in range(1, 21):
            assert client(PAGE % (number, number)).codes == []

    used, _made = traced(ask)
    claimed = documents.DOCUMENTS.size + PLANS.size
    assert len(PLANS) == 20
    # An underestimate overfills the cache, an overestimate empties it.
    assert used <= claimed <= 8 * used


def test_caches_are_bounded_by_bytes(client_of: ClientOf, sam: User) -> None:
    client = client_of(sam)
    documents.DOCUMENTS.clear()
    PLANS.clear()
    text = "#" + "x" * 90_000
    count = documents.MAX_DOCUMENTS_BYTES // (4 * 90_000) + 3
    for number in range(count):
        assert client(f"{text}\nquery Q{number} {{ me {{ id }} }}").codes == []
    assert len(documents.DOCUMENTS) < count
    for lru in (documents.DOCUMENTS, PLANS):
        assert 0 < lru.size <= lru.max_size


# Decisions about `@skip` -----------------------------------------------------------------


def test_plans_of_one_operation_are_bounded_by_bytes(
    client_of: ClientOf, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"v{number}" for number in range(10)]
    declared = " ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"id @skip(if: ${name})" for name in names)
    client = client_of(sam)
    PLANS.clear()
    client(f"query({declared}) {{ me {{ username {fields} }} }}", **dict.fromkeys(names, False))
    size = PLANS.size
    monkeypatch.setattr(executor, "PLANS", SizedCache(3 * size, attrgetter("size")))
    for number in range(20):
        flags = {name: bool(number >> at & 1) for at, name in enumerate(names)}
        client(f"query({declared}) {{ me {{ username {fields} }} }}", **flags)
    assert 2 <= len(executor.PLANS) <= 4
    assert executor.PLANS.size <= 3 * size


def test_weighing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are counted regardless of merging."""
    monkeypatch.setattr(weights, "MAX_STEPS", 100)
    source = "{me{" + "...F " * 50 + "}} fragment F on User{" + "profile{bio}" * 30 + "}"
    with pytest.raises(GraphQLError) as raised:
        weights.cost_formulas(SCHEMA, Document(source).syntax, 15)
    assert raised.value.extensions == {"code": "FIELDS_EXCEEDED"}
