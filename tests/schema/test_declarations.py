"""Root fields must declare their requirements, for mypy and at run time."""

import pytest
import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, GraphQLString

from engine.relay.connection import KeysetConnection
from schema.descriptions import docstring
from schema.http.execution import ROOT_FIELDS
from schema.mutation import mutation
from schema.query import keyset_connection, query_field
from schema.root import schema
from schema.scopes import Access, NoScope, RootFields
from users.scopes import Scope


def test_declaration_without_requirements_is_refused() -> None:
    """mypy checks the same: an unused `type: ignore` fails `make lint`."""
    with pytest.raises(TypeError, match="scope"):
        query_field()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="scope"):
        mutation(reauthenticate=False)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="reauthenticate"):
        mutation(scope=Scope.USERS_WRITE)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="scope"):
        keyset_connection(KeysetConnection)  # type: ignore[call-arg]


def test_root_field_without_a_declaration_is_refused() -> None:
    query = GraphQLObjectType("Query", {"secret": GraphQLField(GraphQLString)})
    with pytest.raises(TypeError, match=r"Query\.secret declares no scope"):
        RootFields(GraphQLSchema(query))


def test_requirements_are_described() -> None:
    assert str(Access(Scope.USERS_READ)) == "Requires the scope `users:read`."
    assert str(Access(NoScope.ANY_TOKEN)) == ""
    described = {**_fields("query_type"), **_fields("mutation_type")}
    assert set(described) == set(ROOT_FIELDS.access)
    for name, access in ROOT_FIELDS.access.items():
        assert (described[name].description or "").endswith(str(access)), name
    assert described["updateUser"].description == (
        "Update a user. Administrators only; staff may update the profile fields."
        " Requires the scope `users:write`. Requires recent authentication."
    )


def _fields(root: str) -> dict[str, GraphQLField]:
    return getattr(schema._schema, root).fields  # noqa: SLF001


def test_docstring_describes() -> None:
    @strawberry.type
    class Described:
        """A thing.

        It has
        two lines.
        """

    @strawberry.type
    class Undescribed:
        name: str

    assert docstring(Described) == "A thing. It has two lines."
    assert docstring(Undescribed) is None
    assert docstring(None) is None
