"""Differential test: the engine and graphql-core return equal responses.

Hypothesis generates operations from the schema, deterministically. `make test-engine` generates
others from a seed, every night and after a change to the engine.
"""

import datetime as dt
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import hypothesis
import orjson
import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from graphql import DocumentNode, GraphQLError

from core.security.actor import ANONYMOUS, Actor
from engine.operation import CompiledOperation
from schema.context import Context
from schema.documents.document import document
from schema.errors import format_error
from schema.http.execution import execute, problems, was_executed
from schema.http.variables import describe
from schema.root import schema
from tests.schema.drawing import GeneratedOperation, ValuePool, documents
from tests.schema.people import MISSING_USER_ID, populate
from tests.support.factories import node_id
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import Session
from users.organizations.models import Organization, OrganizationInvitation

OPERATIONS: Final = int(os.environ.get("OPERATIONS", "1000"))
SEED: Final = int(os.environ.get("SEED", "1"))
# The actor, and an earlier actor with equal visibility, who compiles the statements.
ACTORS: Final = {
    "anonymous": "anonymous",
    "person": "owner",
    "owner": "person",
    "staff": "other staff",
    "administrator": "other administrator",
}
# After ten examples, Hypothesis mutates them rather than draw new ones.
DRAWN_AT_ONCE: Final = 10
SETTINGS: Final = hypothesis.settings(
    max_examples=DRAWN_AT_ONCE,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    # No shrinking: it would take minutes.
    phases=[hypothesis.Phase.generate],
)
# Minimum number of operations for checking shares.
ENOUGH: Final = 100

# The last ones are for staff.
STAFF_ROOTS: Final = 4
ROOTS: Final = (
    *("me", "user", "node", "organization", "users", "organizations", "sessions", "events"),
    *("groups", "permissions", "analytics", "retention"),
)

# Pages that provide valid cursors, by field and other arguments.
PAGES: Final = (
    ("Query.users", "", "{ users(first: 9) { edges { cursor } } }"),
    *(
        (
            "Query.users",
            f"orderBy: {order}",
            f"{{ users(first: 9, orderBy: {order}) {{ edges {{ cursor }} }} }}",
        )
        for order in ("{field: NAME}", "{field: JOINED}", "{field: LAST_SEEN}", "{field: EMAIL}")
    ),
    ("Query.organizations", "", "{ organizations(first: 9) { edges { cursor } } }"),
    ("Query.groups", "", "{ groups(first: 9) { edges { cursor } } }"),
    ("Query.sessions", "", "{ sessions(first: 9) { edges { cursor } } }"),
    ("Query.events", "", "{ events(first: 9) { edges { cursor } } }"),
    (
        "User.memberships",
        "",
        "{ me { memberships(first: 9) { edges { cursor } } } }",
    ),
    (
        "Organization.members",
        "",
        "{ organizations(first: 9) { nodes { members(first: 3) { edges { cursor } } } } }",
    ),
    (
        "Organization.events",
        "",
        "{ organizations(first: 9) { nodes { events(first: 3) { edges { cursor } } } } }",
    ),
)


@pytest.fixture
def actors(transactional_db: None) -> dict[str, Actor]:
    return populate()


def cursors_in(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key == "cursor":
                yield value
            yield from cursors_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from cursors_in(value)


def material_for(actor: Actor) -> ValuePool:
    people = ids_of(User.objects.order_by("pk"), actor)
    organizations = ids_of(Organization.objects.order_by("pk"), actor)
    groups = [node_id(group) for group in Group.objects.order_by("pk")]
    others = [
        each
        for model in (Session, Event, OrganizationInvitation)
        for each in ids_of(model.objects.order_by("pk"), actor)
    ]
    missing = [node_id(User(pk=MISSING_USER_ID)), node_id(Group(pk=10**30)), "", "x", "VXNlcjp4"]
    now = timezone.now()
    moments = [now - dt.timedelta(days=days) for days in (0, 1, 3, 9)]
    cursors = {
        (place, others): list(cursors_in(asked(source, actor))) for place, others, source in PAGES
    }
    return ValuePool(
        # Staff-only arguments are drawn for others as well, but less often.
        roots=ROOTS if actor.is_staff else [*ROOTS[:-STAFF_ROOTS] * 3, *ROOTS],
        scalars={
            "ID": [*people[:6], *organizations[:4], *groups, *others, *missing],
            "String": ["", "nonsense", "é", *(some[0] for some in cursors.values() if some)],
            "Boolean": [True, False],
            "JSON": [{"a": [1.5]}, {"a": ["é"]}, {"b": {}}, {"no": "one"}, {}, [], "text", 1],
            "Int": [0, 1, 2],
            "Date": [*(str(moment.date()) for moment in moments), "2026-02-30"],
            "DateTime": [*(moment.isoformat() for moment in moments), "2026-01-31T12:00:00"],
        },
        named={
            "Query.user.id": [*people, *missing],
            "Query.organization.id": [*organizations * 2, *missing],
            # Prefer the condition that includes the field.
            "skip": [False, False, True],
            "include": [True, True, False],
            "search": ["anna", "zoe", "a", "person 1", "", "no such name", "x" * 300, "%_"],
            "emailDomain": ["example.org", "EXAMPLE.com", ""],
            "locale": ["de", "en", "xx"],
            "organization": [*organizations, "x"],
            "user": [*people[:6], "x"],
            "group": [*groups, "x"],
        },
        cursors=cursors,
    )


def ids_of(rows: Any, actor: Actor) -> list[str]:
    """Return ids of rows, a few of them not visible to the actor."""
    return [node_id(row) for row in (*rows.visible_to(actor)[:9], *rows[:2])]


def asked(source: str, actor: Actor) -> Any:
    return schema.execute_sync(source, context_value=Context(actor)).data


def valid(source: str) -> DocumentNode | None:
    """Return the syntax tree; None if the operation is not valid."""
    try:
        found = document(source)
    except GraphQLError:
        return None
    return None if problems(found) else found.syntax


def with_other_ids(variables: dict[str, Any], material: ValuePool) -> dict[str, Any]:
    """Return the variables with different ids."""
    ids = material.scalars["ID"]
    following = dict(zip(ids, [*ids[1:], ids[0]], strict=True))
    return {
        name: following.get(value, value) if isinstance(value, str) else value
        for name, value in variables.items()
    }


def answer_of(result: Any) -> tuple[bytes, list[Any]]:
    """Return the public part of a result, and the hidden causes of its errors."""
    errors = result.errors or []
    shown = [(format_error(error), error.message, type(error.original_error)) for error in errors]
    return orjson.dumps(result.data), shown


def has_values(data: Any) -> bool:
    if isinstance(data, dict):
        return any(has_values(v) for k, v in data.items() if k != "__typename")
    if isinstance(data, list):
        return any(has_values(each) for each in data)
    return data is not None


def compare_drawn(
    name: str, material: ValuePool, compare: Callable[[GeneratedOperation], None]
) -> None:
    """Generate operations for an actor; a failure reports how to reproduce it."""
    drawn = documents(schema._schema, material)  # noqa: SLF001 - no public name
    last: list[GeneratedOperation] = []

    def remember(one: GeneratedOperation) -> None:
        last[:] = [one]
        compare(one)

    for number in range(OPERATIONS // len(ACTORS) // DRAWN_AT_ONCE):
        seed = f"{SEED} {name} {number}".encode()
        test = SETTINGS(hypothesis.given(drawn)(remember))
        try:
            hypothesis.seed(int.from_bytes(seed))(test)()
        except Exception as error:
            for one in last:
                error.add_note(f"{one.source}\n{json.dumps(one.variables)}")
            error.add_note(f"make test-engine SEED={SEED} OPERATIONS={OPERATIONS} ARGS='-k {name}'")
            raise


@pytest.mark.parametrize("name", ACTORS)
def test_generated_operations_are_answered_alike(
    actors: dict[str, Actor], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    # Two users have missing rows, which causes an internal error each time.
    caplog.set_level(logging.CRITICAL, "schema.errors")
    actor, other = actors[name], actors[ACTORS[name]]
    material = material_for(actor)
    seen: Counter[str] = Counter()

    def compare(drawn: GeneratedOperation) -> None:
        document = valid(drawn.source)
        hypothesis.assume(document is not None)
        assert document is not None
        operation = CompiledOperation.of(schema, document, None)
        is_conditional = any(
            drawn.variables.get(name, "") is None for name in operation.condition_names
        )
        if is_conditional:
            # Only graphql-core reports the path of an error below the root.
            actual: Any = execute(
                drawn.source, None, drawn.variables, Context(actor), read_only=True
            )
        else:
            # What is cached for another actor must not affect the response.
            operation.execute(with_other_ids(drawn.variables, material), Context(other))
            actual = operation.execute(drawn.variables, Context(actor))
        expected = schema.execute_sync(
            drawn.source, variable_values=drawn.variables, context_value=Context(actor)
        )
        if is_conditional and not was_executed(expected):
            # Errors about variables are reworded for both executors.
            expected.errors = describe(schema._schema, expected.errors or [], drawn.variables)  # noqa: SLF001 - no public name
        assert answer_of(actual) == answer_of(expected)
        seen["documents"] += 1
        seen["with errors"] += bool(expected.errors)
        seen["without errors"] += not expected.errors
        seen["with data"] += has_values(expected.data)
        seen["with both"] += bool(expected.errors) and has_values(expected.data)

    compare_drawn(name, material, compare)
    # Guards against trivial operations: most return data, some errors. Small runs may deviate.
    if seen["documents"] >= ENOUGH:
        most = 0 if actor == ANONYMOUS else seen["documents"] * 0.5
        assert seen["with data"] > most, seen
        assert seen["with errors"] > seen["documents"] * 0.1, seen
        assert seen["without errors"] > seen["documents"] * 0.3, seen


def test_differences_are_reported_with_how_to_reproduce(
    actors: dict[str, Actor],
) -> None:
    material = material_for(actors["person"])

    def fail(drawn: GeneratedOperation) -> None:
        assert "users" not in drawn.source

    notes = []
    for _time in range(2):
        with pytest.raises(AssertionError) as caught:
            compare_drawn("person", material, fail)
        notes.append(caught.value.__notes__[-2:])
    assert notes[0] == notes[1]
    document, command = notes[0]
    assert "users" in document
    assert command == f"make test-engine SEED={SEED} OPERATIONS={OPERATIONS} ARGS='-k person'"
