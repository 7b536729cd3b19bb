"""Computed fields are batched per level, as `extensions.debug` reports."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection

import schema as package
from core.security.actor import Actor
from engine.fields.loaders import Batch
from engine.trace import Trace
from schema.context import Context
from schema.root import schema
from tests.support.client import GraphQLClient
from tests.support.documents import complete
from tests.support.factories import make_organization, make_session, make_token, make_user
from tests.support.tables.statements import SHAPES
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

SIZES: Final = (2, 9)
# Every batch on two levels, with different users and groups on each.
NESTED: Final = """
    { users(first: $n) { nodes { ...F memberships(first: 1) { nodes { organization {
        members(last: $n) { nodes { user { ...F } } }
    } } } } } }
    fragment F on User { permissions activeSessionCount recoveryCodesLeft groups { permissions } }
"""
LEVELS: Final = 2
LOADERS: Final = {
    "User: permissions",
    "User: active_session_counts",
    "Group: group_permissions",
    "User: recovery_codes_left",
}
# Of organisations, of which there is one on a level here: see the statements of `SHAPES`.
OTHERS: Final = {"Organization: own_roles"}


@pytest.fixture
def debugging(settings: Any) -> None:
    settings.GRAPHQL_DEBUG = True


@pytest.fixture
def pairs(sam: User) -> None:
    """Create as many users for the directory as for the members."""
    people = [make_user(f"{kind}-{number}") for kind in "ab" for number in range(max(SIZES))]
    make_organization("Archers", *people)
    for user in people:
        user.groups.add(Group.objects.create(name=f"Group of {user.username}"))
        make_session(user)


def document(size: int) -> str:
    return NESTED.replace("$n", str(size))


def test_every_batch_of_the_schema_is_in_this_test() -> None:
    found = {
        value.name
        for each in pkgutil.iter_modules(package.__path__)
        if each.ispkg and importlib.util.find_spec(f"schema.{each.name}.loaders")
        for value in vars(importlib.import_module(f"schema.{each.name}.loaders")).values()
        if isinstance(value, Batch)
    }
    assert found == LOADERS | OTHERS


@pytest.mark.usefixtures("debugging", "pairs")
def test_each_batch_is_dispatched_once_a_level(client_of: ClientOf, sam: User) -> None:
    counts = []
    for size in SIZES:
        cache.clear()
        answer = client_of(sam)(document(size))
        assert answer.codes == []
        found = answer.body["extensions"]["debug"]
        assert found["executor"] == "engine"
        dispatched = [(batch["loader"], batch["keys"]) for batch in found["loaders"]]
        assert sorted(dispatched) == sorted((name, size) for name in LOADERS for _ in range(LEVELS))
        statements = [statement["reads"] for statement in found["statements"]]
        counts.append(len(statements))
        for name in LOADERS:
            assert statements.count(name) == LEVELS
    assert len(set(counts)) == 1


@pytest.mark.usefixtures("pairs")
def test_each_batch_is_dispatched_once_a_level_by_graphql_core_too(sam: User) -> None:
    for size in SIZES:
        context = Context(Actor(user_id=sam.pk, is_staff=True), trace=Trace())
        assert schema.execute_sync(document(size), context_value=context).errors is None
        assert context.trace
        dispatched = [
            (each.loader, each.keys) for each in context.trace.batches if each.loader in LOADERS
        ]
        assert sorted(dispatched) == sorted((name, size) for name in LOADERS for _ in range(LEVELS))


@pytest.mark.usefixtures("debugging")
def test_no_resolver_runs_its_own_query(
    client_of: ClientOf, crowd: dict[str, str], sam: User
) -> None:
    client = client_of(sam)
    for name, shape, _count in SHAPES:
        if "__schema" in shape:
            continue
        cache.clear()
        answer = client(complete(shape, crowd, max(SIZES)))
        assert answer.codes == []
        found = answer.body["extensions"]["debug"]
        assert found["executor"] == "engine", name
        # `totalCount` is loaded by an unnamed loader of the field.
        unnamed = [each["sql"] for each in found["statements"] if each["reads"] is None]
        assert len(unnamed) == shape.count("totalCount"), (name, unnamed)
        assert all("count(*)" in sql for sql in unnamed)
        loaders = [batch["loader"] for batch in found["loaders"]]
        assert len(loaders) == len(set(loaders)), name


def test_batch_that_takes_too_long_is_not_dispatched_again(transactional_db: None) -> None:
    people = [make_user(f"person-{number}") for number in range(3)]
    client = GraphQLClient(make_token(make_user("sam", is_staff=True)))
    batches = []

    def slowly(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        if "COUNT(" in sql and "authentication_session" in sql:
            batches.append(sql)
            execute("SET statement_timeout = 20", None, many, context)
            return execute("SELECT pg_sleep(10)", None, many, context)
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(slowly):
            answer = client("{ users(first: 3) { nodes { username activeSessionCount } } }")
    finally:
        connection.close()
    assert answer.codes == ["QUERY_TIMEOUT"] * len(people)
    assert [node["username"] for node in answer.body["data"]["users"]["nodes"]] == [
        user.username for user in people
    ]
    assert len(batches) == 1
