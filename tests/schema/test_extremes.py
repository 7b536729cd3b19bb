"""Fuzzing: every value in every input position gets an error meant for the client."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.core.cache import cache
from django.db import transaction
from graphql import is_non_null_type

from schema.errors import RequestErrorCode
from tests.support.client import JSON, GraphQLClient
from tests.support.executors import ENGINE, EXECUTORS, Executor
from tests.support.extremes import ABSENT, KINDS, OperationCase, Place, mutations, queries
from tests.support.prepared import prepared_statements_kept
from tests.support.tables.authorization.kinds import ADMINISTRATOR, ANONYMOUS, USER
from tests.support.world import World, build_world

# Python's terms, which must not leak into messages.
PYTHON: Final = re.compile(
    r"\b(Maybe|None|NoneType|True|False|Traceback|Exception|\w+Error|dict|isoformat|int\(\)|sys)\b"
    r"|psycopg|django|strawberry|graphql[-_.]core|<class|object at 0x|str \||Some\("
)
# Shards of the fields, for parallel test processes.
PARTS: Final = 4


@pytest.fixture
def inputs(db: None, settings: Any) -> tuple[World, list[OperationCase]]:
    """Return one row of each type, and all fields with arguments."""
    settings.SECOND_FACTOR = "all"
    world = World(Executor.chosen(ENGINE, settings), build_world())
    world.ids["user"] = world.ids["owner"]
    return world, [*mutations(world.complete), *queries(world.ids)]


def send(client: GraphQLClient, body: bytes) -> tuple[int, dict[str, Any]]:
    """Send a request, and roll back its changes."""
    before = transaction.savepoint()
    try:
        answer = client.post(body, JSON)
    finally:
        with prepared_statements_kept():
            transaction.savepoint_rollback(before)
        # Clears the throttles, which would reject later requests.
        cache.clear()
    return answer.status, answer.body


def faults(status: int, answer: dict[str, Any], body: bytes) -> Iterator[str]:
    """Yield the problems of a response."""
    if status not in {200, 400}:
        yield f"status {status}"
    sent = body.decode()
    errors = answer.get("errors", [])
    for error in errors:
        code = error["extensions"]["code"]
        if code in {RequestErrorCode.INTERNAL_ERROR, "TOO_MANY_ATTEMPTS"}:
            yield code
        if "path" not in error and "data" in answer:
            yield "an error of no field"
    payloads = [each for each in (answer.get("data") or {}).values() if isinstance(each, dict)]
    for error in (*errors, *(each for one in payloads for each in input_errors(one))):
        word = PYTHON.search(error["message"])
        if word and word.group() not in sent:
            yield f"{word.group()!r} in {error['message']!r}"
        if "code" in error and not error["field"]:
            yield f"no field in {error!r}"


def input_errors(payload: dict[str, Any]) -> list[Any]:
    """Return the errors of a payload; none of an object whose errors are a connection."""
    found = payload.get("errors")
    return found if isinstance(found, list) else []


def check(sent: Iterator[tuple[str, GraphQLClient, bytes]]) -> None:
    """Send all requests, and collect the problems of their responses."""
    found = []
    number = 0
    for about, client, body in sent:
        number += 1
        found += [f"{about}: {each}" for each in faults(*send(client, body), body)]
    assert number > 0
    assert found == []


def name_of(asked: OperationCase, place: Place, value: Any) -> str:
    shown = "nothing" if value is ABSENT else ascii(value)[:80]
    return f"{asked.name}({place}: {shown})"


@pytest.mark.parametrize("part", range(PARTS))
def test_every_argument_accepts_or_refuses_extreme_values(
    inputs: tuple[World, list[OperationCase]], part: int
) -> None:
    world, fields = inputs
    client = world.clients[ADMINISTRATOR]
    check(
        (name_of(asked, place, value), client, asked.body(place, value))
        for asked in fields[part::PARTS]
        for place in asked.places()
        for value in (*KINDS, *place.extremes())
    )


def test_every_type_accepts_or_refuses_extreme_literals(
    inputs: tuple[World, list[OperationCase]],
) -> None:
    world, fields = inputs
    # The field does not affect how a literal is parsed.
    places = {place.type_name: (asked, place) for asked in fields for place in asked.places()}
    check(
        (name_of(asked, place, value), world.clients[ADMINISTRATOR], asked.written(place, value))
        for asked, place in places.values()
        for value in place.extremes()
    )


@pytest.mark.parametrize("kind", [USER, ANONYMOUS])
def test_every_argument_accepts_or_refuses_extreme_values_for_users(
    inputs: tuple[World, list[OperationCase]], kind: str
) -> None:
    world, fields = inputs
    check(
        (name_of(asked, place, value), world.clients[kind], asked.body(place, value))
        for asked in fields
        for place in asked.places()
        for value in (None, *list(place.extremes())[:1])
    )


def test_null_is_refused_alike_in_literals_and_variables(
    inputs: tuple[World, list[OperationCase]], settings: Any
) -> None:
    """As a variable and as a literal, for both executors."""
    world, fields = inputs
    client = world.clients[ADMINISTRATOR]
    asked_for = [
        (name_of(asked, place, None), asked.body(place, None), asked.written(place, None))
        for asked in fields
        for place in asked.places()
        if not is_non_null_type(place.type)
    ]

    def reports(executor: str) -> list[list[list[Any]]]:
        settings.GRAPHQL_ENGINE = executor == ENGINE
        return [
            [problems(*send(client, body), body) for body in bodies]
            for _about, *bodies in asked_for
        ]

    by_executor = map(reports, EXECUTORS)
    for (about, *_bodies), by_engine, by_graphql_core in zip(asked_for, *by_executor, strict=True):
        assert by_engine == by_graphql_core, about
        given, written = by_engine
        # For a `@oneOf` literal, standard validation reports the error.
        assert given == written or not given[-1], about


def problems(status: int, answer: dict[str, Any], body: bytes) -> list[Any]:
    """Return the errors of a response, and whether the operation was executed."""
    assert list(faults(status, answer, body)) == []
    payloads = [each for each in (answer.get("data") or {}).values() if isinstance(each, dict)]
    problems = [input_errors(each) for each in payloads]
    errors = [
        {name: each for name, each in error.items() if name != "locations"}
        for error in answer.get("errors", ())
    ]
    return [errors, problems, "data" in answer]
