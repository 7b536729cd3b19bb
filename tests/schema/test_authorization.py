"""Authorization of every field, by the table in `tests.support.tables.authorization`.

Both executors, the engine and graphql-core, enforce the policy. A field without a row fails.
"""

import math
from collections.abc import Callable
from typing import Any, cast

import pytest
from django.conf import settings
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from schema.documents.limits import MAX_ROOT_FIELDS
from schema.http.execution import ROOT_FIELDS
from tests.support.client import GraphQLClient
from tests.support.documents import SCHEMA
from tests.support.executors import BY_ENGINE, was_executed
from tests.support.factories import make_cookie_session
from tests.support.tables.authorization.arguments import ARGUMENTS, STRUCTURE
from tests.support.tables.authorization.kinds import ANONYMOUS, KINDS, OWNER
from tests.support.tables.authorization.reads import READS
from tests.support.tables.authorization.writes import (
    FORBIDDEN,
    NONE,
    NOT_FOUND,
    OK,
    TOKEN_WRITES,
    UNAUTHENTICATED,
    WRITES,
)
from tests.support.tables.token_authorization import FIELDS as TOKEN_FIELDS
from tests.support.tables.token_authorization import TYPES as TOKEN_TYPES
from tests.support.tables.token_authorization import scopes_to_read, scopes_to_write, suffices
from tests.support.world import TOKEN_KINDS, TOKENS, World, everything, outcome, write
from users.accounts.models import User
from users.scopes import Scope


def selection(type_name: str, name: str, at: int) -> str:
    """Return an aliased root field that selects a type's field as `it`."""
    path, _fields = READS[type_name]
    field = f"it: {selected(type_name, name)}"
    return field if type_name == "Query" else f"root{at}: " + path.replace("FIELD", field)


def selected(type_name: str, name: str) -> str:
    """Return a type's field with its arguments and a selection."""
    type_ = get_named_type(SCHEMA.type_map[type_name].fields[name].type)
    inner = "" if is_leaf_type(type_) else " { __typename }"
    return f"{name}{ARGUMENTS.get(f'{type_name}.{name}', '')}{inner}"


def object_with(key: str, found: Any) -> dict[str, Any]:
    """Return the object with the key; an empty one if it is missing."""
    while isinstance(found, dict | list) and found:
        if isinstance(found, dict) and key in found:
            return found
        found = found[0] if isinstance(found, list) else next(iter(found.values()))
    return {}


def has_value(found: Any) -> bool:
    """Return whether the field called `it` has a value."""
    # `nodes` has null at the place of an object that is not visible.
    return object_with("it", found).get("it") not in (None, [None])


def visible_fields(world: World, client: str | GraphQLClient, type_name: str) -> set[str]:
    """Return the fields that a client may see, each read by itself.

    Several fields share an operation. Fields of `Query` do not, because they require scopes.
    """
    names = list(READS[type_name][1])
    step = 1 if type_name == "Query" else MAX_ROOT_FIELDS
    found: set[str] = set()
    for start in range(0, len(names), step):
        found |= _visible_fields(world, client, type_name, names[start : start + step])
    return found


def visible_fields_of_one_object(world: World, client: GraphQLClient, type_name: str) -> set[str]:
    """Return the fields that a client may see, read together if possible.

    Reading each by itself takes many times as long.
    """
    if type_name == "Query":
        return visible_fields(world, client, type_name)
    path, fields = READS[type_name]
    selections = " ".join(["it: __typename", *(selected(type_name, name) for name in fields)])
    answer = world.ask(client, f"{{ {path.replace('FIELD', selections)} }}")
    row = object_with("it", answer.body.get("data"))
    if answer.codes and not row:
        # A field that is refused and cannot be null has nulled the object.
        return visible_fields(world, client, type_name)
    return {name for name in fields if row.get(name) is not None}


def _visible_fields(
    world: World, client: str | GraphQLClient, type_name: str, names: list[str]
) -> set[str]:
    document = " ".join(selection(type_name, name, at) for at, name in enumerate(names))
    answer = world.ask(client, f"{{ {document} }}")
    if was_executed(answer) and answer.body["data"] is None and len(names) > 1:
        # A null field nulled its siblings, so select them one by one.
        return set().union(*(_visible_fields(world, client, type_name, [name]) for name in names))
    data = answer.body.get("data") or {}
    roots = [data] if type_name == "Query" else [data.get(f"root{at}") for at in range(len(names))]
    return {name for name, root in zip(names, roots, strict=True) if has_value(root)}


@pytest.mark.parametrize("type_name", READS)
def test_fields_are_visible_to_their_readers_only(world: World, type_name: str) -> None:
    world.add_rows_for(type_name)
    by_kind = {kind: visible_fields(world, kind, type_name) for kind in KINDS}
    for name, readers in READS[type_name][1].items():
        assert {kind for kind in KINDS if name in by_kind[kind]} == readers, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WRITES)
def test_mutations_are_authorized(world: World, name: str, kind: str) -> None:
    _input, expected = WRITES[name]
    before = everything() if expected[kind] != OK else None
    assert outcome(world.ask(kind, write(name))) == expected[kind]
    if expected[kind] != OK:
        assert everything() == before


# Suspended ---------------------------------------------------------------------------------


def client_by(credential: str, world: World) -> GraphQLClient:
    """Return a client of the owner."""
    if credential == "access token":
        return world.clients[OWNER]
    if credential == "API token":
        return world.token_client(OWNER, frozenset(map(str, Scope)))
    client = GraphQLClient()
    client.http.cookies[settings.SESSION_COOKIE] = make_cookie_session(world.owner)
    return client


def suspend(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


@BY_ENGINE
@pytest.mark.parametrize("credential", ["access token", "API token"])
def test_bearers_of_suspended_users_are_refused_before_any_read(
    world: World, credential: str
) -> None:
    """Regardless of body and operation, unless all of it is open to anonymous clients."""
    client = client_by(credential, world)
    assert client("{ me { id } }").data == {"me": {"id": world.ids["owner"]}}
    suspend(world.owner)
    before = everything()
    closed = [name for name in READS["Query"][1] if not ROOT_FIELDS.needs_no_token(name)]
    assert (
        {"me", "users", "node"} < {*closed} == READS["Query"][1].keys() - {"settings", "rateLimit"}
    )
    answers = [
        *(world.ask(client, f"{{ {selection('Query', name, 0)} }}") for name in closed),
        *(
            world.ask(client, f"{{ __typename settings {{ __typename }} {name} }}")
            for name in closed
        ),
        *(world.ask(client, write(name)) for name in ("updateProfile", "logOut", "setAvatar")),
        *(client.post(body) for body in ("", "{", '{"query": "{"}', '{"id": "x"}')),
        client.form(("operations", b"x")),
    ]
    for answer in answers:
        assert (answer.status, answer.codes) == (401, [UNAUTHENTICATED])
        assert "data" not in answer.body
    assert everything() == before


@BY_ENGINE
def test_cookies_of_suspended_users_are_anonymous(world: World) -> None:
    """The middleware makes the client anonymous, as in the tables."""
    client = client_by("cookie", world)
    assert client("{ me { id } }").data == {"me": {"id": world.ids["owner"]}}
    suspend(world.owner)
    before = everything()
    assert client("{ me { id } }").data == {"me": None}
    assert client(write("updateProfile")).codes == [UNAUTHENTICATED]
    assert everything() == before


# By API token ----------------------------------------------------------------------------

INSUFFICIENT_SCOPE = "INSUFFICIENT_SCOPE"
REFUSALS = {INSUFFICIENT_SCOPE, FORBIDDEN, NOT_FOUND}


@pytest.mark.parametrize("kind", TOKEN_KINDS)
@pytest.mark.parametrize("type_name", READS)
def test_tokens_read_what_their_scopes_allow(
    world_with_tokens: World, type_name: str, kind: str
) -> None:
    world = world_with_tokens
    world.add_rows_for(type_name)
    by_token = {
        held: visible_fields_of_one_object(world, world.token_client(kind, held), type_name)
        for held in TOKENS
    }
    for name, readers in READS[type_name][1].items():
        coordinate = f"{type_name}.{name}"
        own, others = scopes_to_read(coordinate, readers)
        need = own if kind == OWNER else others
        expected = {held for held in TOKENS if kind in readers and suffices(held, need)}
        assert {held for held in TOKENS if name in by_token[held]} == expected, coordinate


@BY_ENGINE
@pytest.mark.parametrize("kind", TOKEN_KINDS)
@pytest.mark.parametrize("name", WRITES)
def test_tokens_change_nothing_beyond_their_scopes(
    world_with_tokens: World, name: str, kind: str
) -> None:
    """Scopes are checked before execution, for both executors."""
    world = world_with_tokens
    refusals = {INSUFFICIENT_SCOPE} if kind in may_write(name) else REFUSALS
    before = everything()
    for held in TOKENS:
        if not suffices(held, scopes_to_write(name)):
            answer = world.ask(world.token_client(kind, held), write(name))
            assert outcome(answer) in refusals, held
    assert everything() == before


@pytest.mark.parametrize("kind", TOKEN_KINDS)
@pytest.mark.parametrize("name", [name for name in WRITES if scopes_to_write(name) != NONE])
def test_tokens_change_what_their_scopes_allow(
    world_with_tokens: World, name: str, kind: str
) -> None:
    held = frozenset(scopes_to_write(name).split("+"))
    answer = world_with_tokens.ask(world_with_tokens.token_client(kind, held), write(name))
    assert outcome(answer) == WRITES[name][1][kind]


def may_write(name: str) -> set[str]:
    """Return the kinds of clients that are authorized."""
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


def test_anonymous_fields_are_declared() -> None:
    """Other root fields are not planned for anonymous clients."""
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


def cases(test: Callable[..., None]) -> int:
    """Return the number of parameter sets of a test per executor."""
    marks: list[pytest.Mark] = vars(test)["pytestmark"]
    return math.prod(len(mark.args[1]) for mark in marks if mark.args[0] != "executor")


def test_no_case_of_the_tables_is_left_out() -> None:
    """Every row is tested for each kind of client, and for tokens of each scope."""
    assert len(TOKENS) == len({*TOKENS}) == len(Scope) + 1
    mutations = cast("GraphQLObjectType", SCHEMA.mutation_type).fields
    by_scope = [need for need in TOKEN_WRITES.values() if need != NONE]
    assert cases(test_fields_are_visible_to_their_readers_only) == len(READS)
    assert cases(test_mutations_are_authorized) == len(mutations) * len(KINDS)
    assert cases(test_tokens_read_what_their_scopes_allow) == 2 * len(READS)
    assert cases(test_tokens_change_nothing_beyond_their_scopes) == 2 * len(mutations)
    assert cases(test_tokens_change_what_their_scopes_allow) == 2 * len(by_scope)


def test_payloads_follow_the_visibility_rules() -> None:
    """Payloads return objects through `visible_to` or changed objects, otherwise scalars."""
    reached = {
        get_named_type(field.type).name
        for name, type_ in SCHEMA.type_map.items()
        if name.endswith("Payload") and isinstance(type_, GraphQLObjectType)
        for field in type_.fields.values()
        if not is_leaf_type(get_named_type(field.type))
    }
    assert reached <= {
        *("User", "Group", "Permission", "ApiToken", "InputError", "BulkAction", "TotalCount"),
        *("Job", "UserExport", "UserImport"),
        *("Organization", "OrganizationInvitation", "Membership", "Passkey"),
        *("Webhook", "WebhookDelivery"),
        # Returned only to administrators, who send it again.
        "Invitation",
        # Returned only after the correct password.
        "SecondFactorChallenge",
        # Returned only to who sets the password.
        "RemainingAccess",
    }
