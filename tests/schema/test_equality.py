"""The engine and graphql-core return equal responses, for all documents and actors."""

import itertools
import json
from functools import partial
from typing import Any, Final

import pytest

from core.security.actor import ANONYMOUS, Actor
from schema.context import Context
from schema.documents.document import document as find
from schema.errors import format_error
from schema.http.execution import prepare
from schema.root import schema
from tests.support.documents import complete, documented, documents, paged
from tests.support.factories import make_session, node_id
from tests.support.tables.statements import DOCUMENTED, SHAPES
from users.accounts.models import User
from users.organizations.models import Organization

SIZE: Final = 3
# Cases that the other document modules lack.
OTHERS: Final = [
    # Invalid and empty pages.
    "{ users { nodes { id } } }",
    "{ users(first: 1, last: 1) { nodes { id } } me { id } }",
    "{ organizations(first: 101) { nodes { id } } me { id } }",
    '{ users(first: 1, after: "x") { nodes { id } } }',
    "{ users(first: $n) { nodes { username memberships(first: 0) { nodes { role } } } } }",
    # A cursor of one of the lists.
    """{ users(first: $n) { nodes {
         memberships(first: 1, after: $cursor) { edges { cursor } pageInfo { endCursor } }
       } } }""",
    # Two staff-only fields.
    """{ a: users(first: 1, orderBy: {field: EMAIL}) { nodes { id } }
         b: users(first: 1, orderBy: {field: EMAIL}) { nodes { id } } }""",
    # The same rows under two aliases or paths, with different fields.
    "{ users(first: $n) { nodes { lastSeenAt } edges { node { permissions } } } }",
    """{ events(first: $n) { nodes {
         a: actor { lastSeenAt } b: actor { permissions } c: subject { activeSessionCount }
       } } }""",
    # An interface's fields, and those of its types.
    """{ a: node(id: $user) { __typename id ... on User { groups { __typename name } } }
         b: node(id: $group) { __typename id ... on Group { permissions } ... on User { name } }
         c: node(id: "x") { __typename } }""",
]
DOCUMENTS: Final = [
    document
    for document in (
        *(document for _about, document in documents()),
        *(document for _name, document, _count in SHAPES),
        *OTHERS,
    )
    # graphql-core executes introspection.
    if "__schema" not in document
]
BY_ID: Final = """
    query ($id: ID!, $n: Int!) {
      user(id: $id) { username memberships(first: $n) { nodes { organization { name } } } }
      organization(id: $id) { name myRole members(last: $n) { nodes { user { username } } } }
      node(id: $id) { __typename }
      sessions(first: $n, user: $id) { nodes { id } totalCount { value } }
      users(first: $n, filter: {group: $id}) { nodes { username } }
    }
"""


@pytest.fixture(params=["staff", "users", "anonymous"])
def actors(
    request: pytest.FixtureRequest, sam: User, root: User, alice: User, bob: User
) -> list[Actor]:
    """Return two actors with equal visibility rules."""
    if request.param == "anonymous":
        return [ANONYMOUS]
    users = [sam, root] if request.param == "staff" else [bob, alice]
    return [
        Actor(user_id=user.pk, session_id=make_session(user).pk, is_staff=user.is_staff)
        for user in users
    ]


def summarize(result: Any) -> str:
    """Return the response: data, and message, locations, path and code of each error."""
    errors = [format_error(each) for each in result.errors or []]
    # As text, because the order of fields matters.
    return json.dumps({"data": result.data, "errors": errors}, indent=2)


def by_engine(query: str, variables: dict[str, Any], actor: Actor) -> str:
    """Execute with the engine, without fallback."""
    return summarize(prepare(find(query), None).execute(variables, Context(actor=actor)))


def by_graphql_core(query: str, variables: dict[str, Any], actor: Actor) -> str:
    """Execute with Strawberry."""
    context = Context(actor=actor)
    return summarize(schema.execute_sync(query, variable_values=variables, context_value=context))


def test_documents_are_answered_alike(crowd: dict[str, str], actors: list[Actor]) -> None:
    for document, actor in itertools.product(DOCUMENTS, actors):
        ask = partial(by_graphql_core, variables={}, actor=actor)
        query = paged(complete(document, crowd, SIZE), ask)
        expected = ask(query)
        # The first actor compiles the statements, the second uses the cache.
        assert by_engine(query, {}, actor) == expected, query


def test_documented_operations_are_answered_alike(
    crowd: dict[str, str], actors: list[Actor]
) -> None:
    for name, actor in itertools.product(DOCUMENTED, actors):
        query, variables = documented(name, crowd)
        expected = by_graphql_core(query, variables, actor)
        assert by_engine(query, variables, actor) == expected, name


def test_one_document_is_answered_alike_for_all_ids(
    crowd: dict[str, str], clubs: list[Organization], actors: list[Actor]
) -> None:
    people = [node_id(user) for user in User.objects.order_by("pk")[:5]]
    ids = [*crowd.values(), *map(node_id, clubs), *people, "x", ""]
    for id_, actor, size in itertools.product(ids, actors, (1, SIZE)):
        variables = {"id": id_, "n": size}
        assert by_engine(BY_ID, variables, actor) == by_graphql_core(BY_ID, variables, actor), id_
