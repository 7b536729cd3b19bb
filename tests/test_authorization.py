"""Who may do what, as the tables of `tests.authorization` have it; a field without a row fails.

The policy is held whichever executor answers: the engine, or graphql-core without it.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from schema.operations import ROOT_FIELDS
from tests.authorization import (
    ADMINISTRATOR,
    ANONYMOUS,
    ARGUMENTS,
    FORBIDDEN,
    KINDS,
    NONE,
    NOT_FOUND,
    OK,
    OWNER,
    READS,
    STRUCTURE,
    TOKEN_WRITES,
    UNAUTHENTICATED,
    WRITES,
)
from tests.client import Answer
from tests.documents import SCHEMA
from tests.token_authorization import FIELDS as TOKEN_FIELDS
from tests.token_authorization import TYPES as TOKEN_TYPES
from tests.token_authorization import scopes_to_read, scopes_to_write, suffices
from tests.world import World, everything, outcome, write
from users.accounts.models import User
from users.scopes import Scope


def readable(type_name: str) -> Iterator[tuple[str, str, set[str]]]:
    """Yield each field of a type with its document and its readers."""
    path, fields = READS[type_name]
    for name, readers in fields.items():
        field = SCHEMA.type_map[type_name].fields[name]
        inner = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
        selection = f"it: {name}{ARGUMENTS.get(f'{type_name}.{name}', '')}{inner}"
        yield name, f"{{ {path.replace('FIELD', selection)} }}", readers


def is_told(answer: Answer) -> bool:
    """Return whether the field called `it` has a value."""
    found: Any = answer.body.get("data")
    while isinstance(found, dict | list) and found:
        if isinstance(found, dict) and "it" in found:
            return found["it"] is not None
        found = found[0] if isinstance(found, list) else next(iter(found.values()))
    return False


@pytest.mark.parametrize("type_name", READS)
def test_fields_are_told_to_their_readers_only(world: World, type_name: str) -> None:
    world.add_what_is_told_of(type_name)
    for name, document, readers in readable(type_name):
        told = {kind for kind in KINDS if is_told(world.ask(kind, document))}
        assert told == readers, f"{type_name}.{name}"


@pytest.mark.parametrize("type_name", READS)
def test_suspended_people_read_nothing(world: World, type_name: str) -> None:
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    for _name, document, _readers in readable(type_name):
        answer = world.ask(OWNER, document)
        assert (answer.status, answer.codes) == (401, [UNAUTHENTICATED])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WRITES)
def test_mutations_work_for_those_who_may(world: World, name: str, kind: str) -> None:
    _input, expected = WRITES[name]
    before = everything()
    assert outcome(world.ask(kind, write(name))) == expected[kind]
    if expected[kind] != OK:
        assert everything() == before


@pytest.mark.parametrize("name", WRITES)
def test_suspended_people_change_nothing(world: World, name: str) -> None:
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    before = everything()
    answer = world.ask(OWNER, write(name))
    assert (answer.status, answer.codes) == (401, [UNAUTHENTICATED])
    assert everything() == before


# By API token ----------------------------------------------------------------------------

INSUFFICIENT_SCOPE = "INSUFFICIENT_SCOPE"
REFUSALS = {INSUFFICIENT_SCOPE, FORBIDDEN, NOT_FOUND}
# A token of each scope alone, and one of all.
TOKENS = [frozenset({scope.value}) for scope in Scope] + [frozenset(scope.value for scope in Scope)]


@pytest.mark.parametrize("kind", [OWNER, ADMINISTRATOR])
@pytest.mark.parametrize("type_name", READS)
def test_tokens_are_told_what_they_are_good_for(world: World, type_name: str, kind: str) -> None:
    world.add_what_is_told_of(type_name)
    clients = {held: world.token_client(kind, held) for held in TOKENS}
    for name, document, readers in readable(type_name):
        coordinate = f"{type_name}.{name}"
        own, others = scopes_to_read(coordinate, readers)
        need = own if kind == OWNER else others
        told = {held for held in TOKENS if is_told(world.ask(clients[held], document))}
        expected = {held for held in TOKENS if kind in readers and suffices(held, need)}
        assert told == expected, coordinate


@pytest.mark.parametrize("kind", [OWNER, ADMINISTRATOR])
@pytest.mark.parametrize("name", WRITES)
def test_tokens_change_what_they_are_good_for(world: World, name: str, kind: str) -> None:
    need = scopes_to_write(name)
    clients = {held: world.token_client(kind, held) for held in TOKENS}
    refusals = {INSUFFICIENT_SCOPE} if kind in may_write(name) else REFUSALS
    before = everything()
    for held, client in clients.items():
        if not suffices(held, need):
            assert outcome(world.ask(client, write(name))) in refusals, held
    assert everything() == before
    if need != NONE:
        answer = world.ask(world.token_client(kind, need.split("+")), write(name))
        assert outcome(answer) == WRITES[name][1][kind]


def may_write(name: str) -> set[str]:
    """Return the kinds that are not refused for what they are."""
    return {kind for kind, end in WRITES[name][1].items() if end not in {FORBIDDEN, NOT_FOUND}}


# The tables are complete -----------------------------------------------------------------


def test_every_root_field_declares_what_tokens_need() -> None:
    roots = {
        *cast("GraphQLObjectType", SCHEMA.query_type).fields,
        *cast("GraphQLObjectType", SCHEMA.mutation_type).fields,
    }
    assert set(ROOT_FIELDS.access) == roots


def test_tables_of_tokens_name_what_there_is() -> None:
    assert set(TOKEN_WRITES) <= set(WRITES)
    assert set(TOKEN_TYPES) <= READS.keys() - {"Query"}
    fields = {f"{name}.{field}" for name, (_path, fields) in READS.items() for field in fields}
    assert set(TOKEN_FIELDS) <= fields
    assert {name for name in TOKEN_FIELDS if name.startswith("Query.")} == {
        f"Query.{name}" for name in READS["Query"][1]
    }


def test_fields_with_something_for_the_anonymous_are_declared() -> None:
    """What is not among them is not planned for anonymous clients."""
    writes = {name for name, (_input, ends) in WRITES.items() if ends[ANONYMOUS] != UNAUTHENTICATED}
    reads = {name for name, readers in READS["Query"][1].items() if ANONYMOUS in readers}
    assert writes | reads == {*filter(ROOT_FIELDS.is_public, ROOT_FIELDS.access)}


def test_every_field_has_a_row() -> None:
    types = {
        name: set(type_.fields)
        for name, type_ in SCHEMA.type_map.items()
        if isinstance(type_, GraphQLObjectType)
        and not name.startswith("__")
        and not name.endswith(STRUCTURE)
    }
    assert {name: set(fields) for name, (_path, fields) in READS.items()} == types


def test_every_mutation_has_a_row() -> None:
    mutations = SCHEMA.mutation_type
    assert mutations is not None
    assert set(WRITES) == set(mutations.fields)
    for _input, expected in WRITES.values():
        assert set(expected) == set(KINDS)


def test_payloads_tell_people_as_everything_else_does() -> None:
    """Answers of mutations reach people through `visible_to`, or tell scalars alone."""
    told: Callable[[Any], bool] = lambda field: not is_leaf_type(get_named_type(field.type))  # noqa: E731
    reached = {
        get_named_type(field.type).name
        for name, type_ in SCHEMA.type_map.items()
        if name.endswith("Payload") and isinstance(type_, GraphQLObjectType)
        for field in type_.fields.values()
        if told(field)
    }
    assert reached <= {
        *("User", "Group", "Permission", "ApiToken", "InputError", "BulkAction", "TotalCount"),
        *("Organization", "OrganizationInvitation", "Membership", "Passkey"),
        # Of a log-in, and told to whoever knew the password.
        "SecondFactorChallenge",
    }
