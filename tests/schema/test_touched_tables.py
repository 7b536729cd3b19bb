"""Each table behind the fields of users and organisations is declared, or an exception."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest
from django.db import connection
from graphql import get_named_type, is_leaf_type, is_required_argument

from core.security.actor import SYSTEM
from core.versions.touches import Touches, declared_tables
from engine.fields.dependencies import NotCacheableError
from schema.context import Context
from schema.documents.document import document
from schema.entities import MEMBER, ORGANIZATION, SINGLETONS, USER
from schema.http.execution import prepare
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


# A root of each kind, with the name of its type.
ROOTS: Final = {
    "user": ("query ($id: ID!) { user(id: $id) { FIELD } }", "User"),
    "organization": ("query ($id: ID!) { organization(id: $id) { FIELD } }", "Organization"),
    "groups": ("{ groups(first: 1) { FIELD } }", "GroupConnection"),
    "permissions": ("{ permissions(includeInternal: true) { FIELD } }", "Permission"),
    "analytics": (
        '{ analytics(from: "2026-01-01", to: "2026-01-01") { FIELD } }',
        "AnalyticsDay",
    ),
    "retention": (
        '{ retention(from: "2026-01-01", to: "2026-01-01") { FIELD } }',
        "RetentionCohort",
    ),
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
    for entity in SINGLETONS:
        assert entity.columns.keys() <= {each.model for each in touching if each.keys == entity.key}


def test_every_table_behind_a_root_is_declared(
    crowd: dict[str, str],
    sam: User,
    statements: Callable[[], AbstractContextManager[Statements]],
) -> None:
    client = GraphQLClient(make_token(sam))
    declared = tables_that(lambda _each: True)
    read: dict[str, set[str]] = {}
    for root, (start, type_name) in ROOTS.items():
        read[root] = set()
        # Together they would be too many tokens.
        for each in _fields(type_name, (type_name,)):
            variables = {"id": crowd[root]} if root in crowd else {}
            with statements() as captured:
                answer = client(start.replace("FIELD", each), **variables)
            assert answer.data[root]
            read[root] |= tables_of(captured)
        assert read[root] - declared == set(), root
    # Users and organisations lead to all types that have a declared table.
    assert read["user"] == read["organization"]
    assert set().union(*read.values()) == declared


def tables_that(condition: Callable[[Any], bool]) -> set[str]:
    return {each.model._meta.db_table for each in declared_tables() if condition(each)}


def single_fields(root: str) -> Iterator[str]:
    """Yield documents that select one field below the root each."""
    start, type_name = ROOTS[root]
    paths = {type_name: start}
    pending = [type_name]
    while pending:
        parent = pending.pop()
        for name, field in TYPES[parent].fields.items():
            type_ = get_named_type(field.type)
            selection = f"{name}(first: 1)" if "first" in field.args else name
            if is_leaf_type(type_):
                yield paths[parent].replace("FIELD", selection)
            elif type_.name not in paths:
                paths[type_.name] = paths[parent].replace("FIELD", f"{selection} {{ FIELD }}")
                pending.append(type_.name)


def is_cacheable(source: str, variables: dict[str, Any]) -> bool:
    try:
        prepare(document(source), None).dependencies(variables, Context(SYSTEM), SINGLETONS)
    except NotCacheableError:
        return False
    return True


@pytest.mark.parametrize("root", ROOTS)
def test_cacheable_fields_read_touched_tables_only(
    crowd: dict[str, str],
    sam: User,
    statements: Callable[[], AbstractContextManager[Statements]],
    root: str,
) -> None:
    """A field that declares too much would be stale."""
    client = GraphQLClient(make_token(sam))
    touched = tables_that(lambda each: isinstance(each, Touches))
    variables = {"id": crowd[root]} if root in crowd else {}
    with statements() as captured:
        client("{ __typename }")
    authentication = tables_of(captured)
    cacheable = [each for each in single_fields(root) if is_cacheable(each, variables)]
    for source in cacheable:
        with statements() as captured:
            assert client(source, **variables).codes == []
        assert tables_of(captured) - authentication <= touched, source
    assert bool(cacheable) is (root not in {"analytics", "retention"})
