"""Each table behind the fields of users and organisations is declared, or an exception."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest
from django.db import connection
from graphql import get_named_type, is_leaf_type, is_required_argument

from core.versions.touches import Touches, declared_tables
from schema.entities import GROUPS, MEMBER, ORGANIZATION, USER
from schema.root import schema
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_token
from users.accounts.models import User
from users.accounts.versions import TOUCH_USERS

TYPES: Final[Any] = schema._schema.type_map  # noqa: SLF001 - no public API


def selected(type_name: str, path: tuple[str, ...] = ()) -> str:
    """Return a selection of all fields below a type, until a type repeats."""
    return " ".join(_fields(type_name, (*path, type_name)))


def _fields(type_name: str, path: tuple[str, ...]) -> Iterator[str]:
    for name, field in TYPES[type_name].fields.items():
        type_ = get_named_type(field.type)
        arguments = "(first: 1)" if "first" in field.args else ""
        assert arguments or not any(map(is_required_argument, field.args.values())), name
        if is_leaf_type(type_):
            yield name
        elif name == "edges":
            # Their objects are those of `nodes`.
            continue
        elif type_.name in path:
            yield f"{name}{arguments} {{ __typename }}"
        else:
            yield f"{name}{arguments} {{ {selected(type_.name, path)} }}"


DOCUMENTS: Final = {
    root: f"query ($id: ID!) {{ {root}(id: $id) {{ {selected(type_name)} }} }}"
    for root, type_name in (("user", "User"), ("organization", "Organization"))
}


def tables_of(statements: Statements) -> set[str]:
    words = {word for statement in statements for word in re.findall(r"\w+", statement)}
    return words & set(connection.introspection.table_names())


def keys_of(model: Any, function: str | None = None) -> tuple[str, ...]:
    """Return the columns whose entities a table touches, by the function if one is given."""
    return next(
        each.keys if isinstance(each.keys, tuple) else ()
        for each in declared_tables()
        if isinstance(each, Touches) and each.model is model and function in {None, each.function}
    )


def test_entities_cover_tables_that_touch_them() -> None:
    for entity, function in ((USER, None), (MEMBER, TOUCH_USERS), (ORGANIZATION, None)):
        for model, column in entity.columns.items():
            assert column in keys_of(model, function), (entity.name, model)
    touching = [each for each in declared_tables() if isinstance(each, Touches)]
    assert GROUPS.columns.keys() <= {each.model for each in touching if each.keys == GROUPS.key}


@pytest.mark.parametrize("root", ["user", "organization"])
def test_every_table_behind_a_type_is_declared(
    crowd: dict[str, str],
    sam: User,
    statements: Callable[[], AbstractContextManager[Statements]],
    root: str,
) -> None:
    client = GraphQLClient(make_token(sam))
    with statements() as captured:
        answer = client(DOCUMENTS[root], id=crowd[root])

    assert answer.data[root]["id"] == crowd[root]
    declared = {each.model._meta.db_table for each in declared_tables()}
    read = tables_of(captured)
    assert read - declared == set()
    # Both lead to all types that have a declared table.
    assert declared - read == set()
