"""Limits of an operation: each at its bound, and one above."""

import json
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import pytest
from graphql import get_introspection_query, parse

from engine import operation as executor
from engine.plan.selection import OperationDocument as Planned
from schema.documents import cost, limits, weights
from schema.documents import document as documents
from tests.support.client import GraphQLClient
from tests.support.documents import SCHEMA
from tests.support.factories import node_id
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]
OperationDocument = Callable[[int], str]


# Documents of a given size ----------------------------------------------------------------


def tokens(count: int) -> str:
    operations = "\n".join(f"query Q{number} {{ __typename }}" for number in range(count // 5))
    return operations + "\n#" * (count % 5)


def comments(count: int) -> str:
    return "#\n" * (count - 5) + "query Q0 { __typename }"


def depth(count: int) -> str:
    levels = ["me", *islice(cycle(["memberships(first: 1)", "nodes", "user"]), count - 2)]
    opening, closing = "".join(f"{level} {{ " for level in levels), "} " * len(levels)
    return f"query Q0 {{ {opening} __typename {closing} }}"


def aliases(count: int) -> str:
    return f"query Q0 {{ me {{ {' '.join(f'a{number}: id' for number in range(count))} }} }}"


def root_fields(count: int) -> str:
    return f"query Q0 {{ {'__typename ' * count} }}"


def directives(count: int) -> str:
    skipped = "username @skip(if: false) " * (count - 2)
    return f"query Q0 {{ me @include(if: true) {{ id @include(if: true) {skipped} }} }}"


def in_fragments(document: str) -> str:
    """Move the operation's selection set into two nested fragments."""
    selections = document.removeprefix("query Q0 ")
    return f"query Q0 {{ ...A }} fragment A on Query {{ ...B }} fragment B on Query {selections}"


def in_inline_fragments(document: str) -> str:
    selections = document.removeprefix("query Q0 ")
    return f"query Q0 {{ ... on Query {{ ... {selections} }} }}"


@pytest.mark.parametrize(
    ("document", "bound", "code"),
    [
        (tokens, limits.MAX_TOKENS, "TOKENS_EXCEEDED"),
        (comments, limits.MAX_TOKENS, "TOKENS_EXCEEDED"),
        (depth, limits.MAX_DEPTH, "DEPTH_EXCEEDED"),
        (aliases, limits.MAX_ALIASES, "ALIASES_EXCEEDED"),
        (root_fields, limits.MAX_ROOT_FIELDS, "ROOT_FIELDS_EXCEEDED"),
        (directives, limits.MAX_DIRECTIVES, "DIRECTIVES_EXCEEDED"),
    ],
)
def test_limits_are_exact(
    anonymous: GraphQLClient, document: OperationDocument, bound: int, code: str
) -> None:
    assert ask(anonymous, document(bound)) == []
    assert ask(anonymous, document(bound + 1)) == [code]


def pages(count: int) -> str:
    """Return a document of ``count`` rows, a hundredth in each innermost list."""
    return f"""query Q0 {{
      a: users(first: 100) {{ nodes {{ memberships(first: 100) {{ nodes {{ role }} }} }} }}
      b: users(first: 98) {{ nodes {{ memberships(first: 100) {{ nodes {{ role }} }} }} }}
      c: users(first: {count - 19_998}) {{ nodes {{ id }} }}
    }}"""


@pytest.mark.parametrize(
    ("document", "bound"),
    [
        (tokens, limits.MAX_TOKENS),
        (depth, limits.MAX_DEPTH),
        (aliases, limits.MAX_ALIASES),
        (root_fields, limits.MAX_ROOT_FIELDS),
        (directives, limits.MAX_DIRECTIVES),
        (pages, cost.MAX_ROWS),
    ],
)
def test_operations_over_a_limit_are_not_planned(
    client_of: ClientOf,
    sam: User,
    monkeypatch: pytest.MonkeyPatch,
    document: OperationDocument,
    bound: int,
) -> None:
    client = client_of(sam)
    planned: list[object] = []

    class Watched(Planned):
        """Records the operations that are planned."""

        @classmethod
        def of(cls, *arguments: Any) -> Planned:
            planned.append(arguments)
            return Planned.of(*arguments)

    monkeypatch.setattr(executor, "OperationDocument", Watched)
    documents.DOCUMENTS.clear()
    executor.PLANS.clear()

    assert len(ask(client, document(bound + 1))) == 1
    assert (planned, len(executor.PLANS)) == ([], 0)
    assert ask(client, document(bound)) == []
    assert (len(planned), len(executor.PLANS)) == (1, 1)


@pytest.mark.parametrize("wrap", [in_fragments, in_inline_fragments])
@pytest.mark.parametrize(
    ("document", "bound", "code"),
    [
        (depth, limits.MAX_DEPTH, "DEPTH_EXCEEDED"),
        (aliases, limits.MAX_ALIASES, "ALIASES_EXCEEDED"),
        (root_fields, limits.MAX_ROOT_FIELDS, "ROOT_FIELDS_EXCEEDED"),
        (directives, limits.MAX_DIRECTIVES, "DIRECTIVES_EXCEEDED"),
    ],
)
def test_fragments_are_measured_like_inline_selections(
    anonymous: GraphQLClient,
    document: OperationDocument,
    bound: int,
    code: str,
    wrap: Callable[[str], str],
) -> None:
    assert ask(anonymous, wrap(document(bound))) == []
    assert ask(anonymous, wrap(document(bound + 1))) == [code]


def ask(client: GraphQLClient, document: str) -> list[str]:
    return client.post(json.dumps({"query": document, "operationName": "Q0"})).codes


def test_directives_of_the_operation_and_of_spreads_count() -> None:
    skips = "@skip(if: false) " * 9
    document = f"query {skips} {{ ...F {skips} ... {skips} {{ a }} }} fragment F on Query {{ a }}"
    (error,) = limits.check_document(SCHEMA, parse(document)).errors
    assert error.extensions == {"code": "DIRECTIVES_EXCEEDED"}


def test_every_operation_of_a_document_is_measured(anonymous: GraphQLClient) -> None:
    document = "query Q0 { __typename }" + root_fields(limits.MAX_ROOT_FIELDS + 1)
    assert ask(anonymous, document.replace("}query Q0", "} query Q1")) == ["ROOT_FIELDS_EXCEEDED"]


@pytest.mark.parametrize(
    ("selections", "code"),
    [
        ("l(first: 100) { m(first: 99) { n(last: 1) { x } } o(first: 1) { x } }", None),
        ("l(first: 100) { m(first: 99) { n(last: 1) { x } } o(first: 2) { x } }", "PAGE"),
        ("l(first: 100) { m(first: 99) { n(last: 1) } o(first: 1) } p(first: 1) { x }", "PAGE"),
        ("l(first: 999999999999) { m(first: -1000000) { n(first: null) { x } } }", "PAGE"),
        ("l(first: -100) { m(first: -100) { n(first: -100) { x } } }", "PAGE"),
        ("a { b { c(first: 100) { x } d(first: 100) { x } } }", None),
        ("l(first: 100) { nodes { m(first: 100) { nodes { n(first: 1) { x } } } } }", "PAGE"),
        ("l(first: 100) { nodes { m(first: 99) { edges { node { x } } nodes { x } } } }", None),
    ],
)
def test_page_sizes_multiply(selections: str, code: str | None) -> None:
    for document in (
        f"{{ {selections} }}",
        f"{{ ...F }} fragment F on Query {{ {selections} }}",
    ):
        errors = limits.check_document(SCHEMA, parse(document)).errors
        codes = [error.extensions["code"] for error in errors if error.extensions]
        assert codes == ([f"{code}_SIZES_EXCEEDED"] if code else [])


def values(count: int) -> str:
    """Return a document of as many values, most of them in nested lists."""
    user = (
        "user { id username name email isPublic isService isActive dateJoined lastSeenAt erasedAt }"
    )
    more = "c: __typename" if count > cost.MAX_VALUES else ""
    return f"""query Q0 {{
      users(first: 100) {{ nodes {{ memberships(first: 83) {{ nodes {{ {user} }} }} }} }}
      b: users(first: 99) {{ nodes {{ id }} }} {more}
    }}"""


def test_values_are_rows_times_what_is_selected_of_each(
    client_of: ClientOf, sam: User, anonymous: GraphQLClient
) -> None:
    assert ask(client_of(sam), values(cost.MAX_VALUES)) == []
    answer = client_of(sam)(values(cost.MAX_VALUES + 1))
    assert answer.codes == ["VALUES_EXCEEDED"]
    assert "Request smaller pages or fewer fields." in answer.body["errors"][0]["message"]


@pytest.mark.parametrize(("count", "codes"), [(2, []), (10, ["PAGE_SIZES_EXCEEDED"])])
def test_ids_count_as_rows(client_of: ClientOf, sam: User, count: int, codes: list[str]) -> None:
    """Also in a variable."""
    below = (
        "memberships(first: 50) { nodes { organization { members(first: 50) { nodes { id } } } } }"
    )
    ids = [node_id(sam)] * count
    query = f"query ($ids: [ID!]!) {{ nodes(ids: IDS) {{ ... on User {{ {below} }} }} }}"
    inline = query.replace("($ids: [ID!]!)", "").replace("IDS", json.dumps(ids))
    assert client_of(sam)(inline).codes == codes
    variable = client_of(sam)(query.replace("IDS", "$ids"), ids=ids)
    assert variable.codes == codes


BIOS = " ".join(f"a{number}: bio" for number in range(28))


@pytest.mark.parametrize(
    ("document", "code"),
    [
        # Within the limit of rows.
        (
            """{ users(first: 100) { nodes { memberships(first: 100) { nodes {
                 user { profile { BIOS } } } } } } }""",
            "VALUES_EXCEEDED",
        ),
        # In fragments that apply to every object.
        (
            """{ users(first: 100) { nodes { memberships(first: 100) { nodes {
                 user { ...A } } } } } }
               fragment A on User { profile { ...B } }
               fragment B on Profile { ... on Profile { BIOS } }""",
            "VALUES_EXCEEDED",
        ),
        # `edges` and `nodes` count as separate lists.
        (
            """{ users(first: 100) {
                 edges { cursor node { groups { name permissions id } } }
                 nodes { apiTokens(first: 80) { nodes { id name scopes } } } } }""",
            "VALUES_EXCEEDED",
        ),
        # Lists without pages.
        ("{ users(first: 100) { nodes { groups { name permissions } } } }", None),
        (
            """{ users(first: 100) { nodes { memberships(first: 20) { nodes {
                 user { groups { name permissions } } } } } } }""",
            "VALUES_EXCEEDED",
        ),
        # An interface counts as the possible type with the most values.
        (
            """{ node(id: "x") {
                 ... on User { memberships(first: 100) { nodes { role } } }
                 ... on Organization { members(first: 100) { nodes { role } } } } }""",
            None,
        ),
        # A field that is selected twice counts once.
        (
            """{ users(first: 100) { nodes { ...F ...G } } }
               fragment F on User { ...G }
               fragment G on User { memberships(first: 60) { nodes {
                 user { id username name email isPublic isService isActive dateJoined } } } }""",
            None,
        ),
    ],
)
def test_values_are_counted_as_they_are_returned(document: str, code: str | None) -> None:
    errors = limits.check_document(SCHEMA, parse(document.replace("BIOS", BIOS))).errors
    assert [error.extensions for error in errors] == ([{"code": code}] if code else [])


def fields(count: int) -> str:
    """Return a document of as many fields, counting a fragment at each spread."""
    branch = "memberships(first: 1) { nodes { user { ...F } } }"
    leaves = "id username name email isPublic isService isActive dateJoined lastSeenAt erasedAt"
    roots = f"{{ me {{ ...F {branch} }} {' '.join(f'a{n}: __typename' for n in range(count))} }}"
    return f"query Q0 {roots} fragment F on User {{ {leaves} }}"


def test_fields_are_counted_wherever_their_fragment_is_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The root, its branch with nested fields, and the fragment twice.
    counted = 1 + 3 + 2 * 10
    monkeypatch.setattr(weights, "MAX_FIELDS", counted + 3)
    assert limits.check_document(SCHEMA, parse(fields(3))).errors == []
    (error,) = limits.check_document(SCHEMA, parse(fields(4))).errors
    assert error.extensions == {"code": "FIELDS_EXCEEDED"}


# Clients ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("opening", "closing"), ["{}", "[]", "()"])
@pytest.mark.parametrize("levels", [limits.MAX_NESTING + 1, 1_000, 40_000])
def test_nesting_is_bounded_before_it_is_parsed(
    anonymous: GraphQLClient, opening: str, closing: str, levels: int
) -> None:
    for nested in (opening * levels + closing * levels, opening * levels):
        assert anonymous(nested).codes == ["DEPTH_EXCEEDED"]
        assert anonymous("{ a " + nested).codes == ["DEPTH_EXCEEDED"]


def test_nesting_at_the_bound_is_parsed(anonymous: GraphQLClient) -> None:
    levels = limits.MAX_NESTING - 2
    value = "[" * levels + "]" * levels
    answer = anonymous(f"{{ me @include(if: {value}) {{ id }} }}")
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert "cannot represent a non boolean value" in answer.body["errors"][0]["message"]
    assert anonymous(f"{{ me @include(if: [{value}]) {{ id }} }}").codes == ["DEPTH_EXCEEDED"]


def test_closing_brackets_do_not_make_room_for_opening_ones(anonymous: GraphQLClient) -> None:
    levels = "{" * (limits.MAX_NESTING + 1)
    assert anonymous("}" * 10 + levels).codes == ["GRAPHQL_PARSE_FAILED"]


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ("#" * 90_000, ["GRAPHQL_PARSE_FAILED"]),
        ("#\n" * 30_000, ["TOKENS_EXCEEDED"]),
        ("#" * 90_000 + "\n{ me { id } }", []),
        ("#\n" * 30_000 + "{ me { id } }", ["TOKENS_EXCEEDED"]),
        ("," * 90_000 + "{ me { id } }", []),
        (f'{{ user(id: """{"x" * 90_000}""") {{ id }} }}', []),
        (f"{{ {'a' * 90_000} }}", ["GRAPHQL_VALIDATION_FAILED"]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_long_flat_documents_are_allowed(
    anonymous: GraphQLClient, document: str, codes: list[str]
) -> None:
    assert anonymous(document).codes == codes


# Documents of common tools -----------------------------------------------------------------


def test_introspection_with_everything_passes_all_limits(anonymous: GraphQLClient) -> None:
    query = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )
    schema = anonymous(query).data["__schema"]
    assert schema["queryType"]["name"] == "Query"
    assert {"User", "UserConnection", "SignUpInput"} <= {type_["name"] for type_ in schema["types"]}
