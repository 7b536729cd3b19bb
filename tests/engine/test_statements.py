"""The engine's statements: seen by Django, prepared once, and each requester's own."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

import pytest
import strawberry
import strawberry_django
from django.db import connection
from django.db.models import QuerySet, UUIDField, Value
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from strawberry import auto
from strawberry_django.optimizer import DjangoOptimizerExtension

from core.security.actor import ANONYMOUS, Actor
from engine.operation import CompiledOperation
from engine.sql.statements import Param, ParameterReadError, Statement
from schema.context import Context, Info
from schema.documents.document import document
from schema.root import schema
from tests.support.factories import make_organization
from users.accounts.models import User
from users.organizations.models import Membership, Role

DIRECTORY: Final = """{
    users(first: 5) { nodes { username memberships(first: 5) { nodes { organization { name } } } } }
}"""
# What the moments of a test are, one after the other.
MOMENTS: Final[list[dt.datetime]] = []


@strawberry_django.type(User)
class Person:
    """A user, visible to all."""

    username: auto


def people() -> QuerySet[User]:
    return User.objects.order_by("username")


@strawberry.type
class Query:
    """Lists that depend on more than on whether the actor is staff."""

    @strawberry_django.field
    def compared(self, info: Info) -> list[Person]:
        alice = User.objects.only("pk").get(username="alice").pk
        return people().filter(username="bob") if info.context.actor.user_id == alice else people()

    @strawberry_django.field
    def compared_with_a_constant(self, info: Info) -> list[Person]:
        is_known = info.context.actor.user_agent == "known"
        return people() if is_known else people().filter(username="bob")

    @strawberry_django.field
    def looked_up(self, info: Info) -> list[Person]:
        is_known = info.context.actor.user_agent in {"known", "friend"}
        return people() if is_known else people().filter(username="bob")

    @strawberry_django.field
    def as_text(self, info: Info) -> list[Person]:
        return people().filter(username=f"{info.context.actor.user_agent}")

    @strawberry_django.field
    def joined_to_text(self, info: Info) -> list[Person]:
        return people().filter(username=info.context.actor.user_agent + "")

    @strawberry_django.field
    def as_a_value(self, info: Info) -> list[Person]:
        return people().filter(pk=Value(info.context.actor.user_id, output_field=UUIDField()))

    @strawberry_django.field
    def asked_before(self, info: Info) -> list[Person]:
        own = Membership.objects.of(info.context.actor)
        return people().filter(pk__in=list(own.values_list("user_id", flat=True)))

    @strawberry_django.field
    def since(self) -> list[Person]:
        return people().filter(date_joined__lte=MOMENTS.pop(0))

    @strawberry_django.field
    def since_one_of(self) -> list[Person]:
        moment = MOMENTS.pop(0)
        return people().filter(date_joined__range=(moment - dt.timedelta(days=999), moment))

    # What depends on nothing else.
    @strawberry_django.field
    def own(self, info: Info) -> list[Person]:
        own: Any = info.context.actor.user_id
        return people().filter(pk=own)

    @strawberry_django.field
    def own_among_others(self, info: Info) -> list[Person]:
        own: Any = info.context.actor.user_id
        return people().filter(pk__in=[own])


SCHEMA: Final = strawberry.Schema(Query, extensions=[DjangoOptimizerExtension])


def named(operation: CompiledOperation, actor: Actor) -> list[str]:
    """Return the names in the engine's answer to a list."""
    result = operation.execute(None, Context(actor))
    assert result.errors is None
    assert result.data
    ((_name, found),) = result.data.items()
    return [each["username"] for each in found]


@pytest.fixture
def two(alice: User, bob: User) -> tuple[Actor, Actor]:
    """Return actors who see by the same rules."""
    make_organization("Of two", alice, bob)
    return Actor(user_id=alice.pk, user_agent="known"), Actor(user_id=bob.pk, user_agent="bob")


# Requesters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "of_alice", "of_bob"),
    [
        ("compared", ["bob"], ["alice", "bob"]),
        ("comparedWithAConstant", ["alice", "bob"], ["bob"]),
        ("lookedUp", ["alice", "bob"], ["bob"]),
        ("asText", [], ["bob"]),
        ("joinedToText", [], ["bob"]),
        ("asAValue", ["alice"], ["bob"]),
        ("askedBefore", ["alice"], ["bob"]),
        ("own", ["alice"], ["bob"]),
        ("ownAmongOthers", ["alice"], ["bob"]),
    ],
)
def test_each_requester_gets_their_own_rows(
    two: tuple[Actor, Actor], field: str, of_alice: list[str], of_bob: list[str]
) -> None:
    operation = CompiledOperation.of(SCHEMA, document(f"{{ {field} {{ username }} }}").syntax, None)
    alice, bob = two
    for _time in range(2):
        assert named(operation, alice) == of_alice
        assert named(operation, bob) == of_bob
    again = CompiledOperation.of(SCHEMA, document(f"{{ {field} {{ username }} }}").syntax, None)
    assert [named(again, bob), named(again, alice)] == [of_bob, of_alice]


@pytest.mark.parametrize("field", ["since", "sinceOneOf"])
def test_current_time_is_not_cached(two: tuple[Actor, Actor], field: str) -> None:
    now = timezone.now()
    User.objects.filter(username="alice").update(date_joined=now - dt.timedelta(days=9))
    MOMENTS[:] = []
    operation = CompiledOperation.of(SCHEMA, document(f"{{ {field} {{ username }} }}").syntax, None)
    for actor, days, expected in (
        (two[0], 1, ["alice"]),
        (two[1], -1, ["alice", "bob"]),
        (two[0], 99, []),
    ):
        # It may be built twice: with parameters, which fails, and with values.
        MOMENTS[:] = [now - dt.timedelta(days=days)] * 2
        assert named(operation, actor) == expected


def test_params_cannot_be_read() -> None:
    param: Any = Param.named("user_id")
    looks: list[Callable[[], Any]] = [
        lambda: param == "x",
        lambda: param != "x",
        lambda: str(param),
        lambda: f"{param}",
        lambda: param in ["x", "y"],
        lambda: param in {"x", "y"},
        lambda: {"x": 1}[param],
        lambda: param + "x",
        lambda: "x" + param,
    ]
    for look in looks:
        with pytest.raises(ParameterReadError):
            look()
    assert param
    assert param != ""
    assert param != None  # noqa: E711 - as Django compares


# Statements ------------------------------------------------------------------------------


def directory(actor: Actor) -> Any:
    return CompiledOperation.of(schema, document(DIRECTORY).syntax, None).execute(
        None, Context(actor)
    )


def test_statements_pass_through_django_wrappers(
    two: tuple[Actor, Actor], django_assert_num_queries: Any
) -> None:
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        seen.append(sql)
        return execute(sql, params, many, context)

    # The users, their memberships, and the organisations of these.
    with (
        connection.execute_wrapper(watch),
        CaptureQueriesContext(connection) as captured,
        django_assert_num_queries(3),
    ):
        assert directory(two[0]).errors is None
    assert len(seen) == len(captured) == 3
    assert "LATERAL" in seen[1]
    assert "%s" in seen[1]
    assert "unnest($1::uuid[])" in captured[1]["sql"]


def test_wrapper_exception_fails_the_field(
    two: tuple[Actor, Actor],
) -> None:
    seen: list[str] = []

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        seen.append(sql)
        if "LATERAL" in sql:
            raise RuntimeError("Not this one.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        result = directory(two[0])
    assert len(seen) == 2
    assert result.data is None
    (error,) = result.errors
    assert (error.message, error.path) == ("Not this one.", ["users", "nodes", 0, "memberships"])
    source = "{ me { username } organizations(first: 1) { nodes { name } } }"
    with connection.execute_wrapper(lambda *_arguments: 1 / 0):
        result = CompiledOperation.of(schema, document(source).syntax, None).execute(
            None, Context(two[0])
        )
    assert [error.path for error in result.errors or ()] == [["me"], ["organizations"]]


def prepared() -> dict[str, int]:
    """Return the connection's prepared statements, and how often each was run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")
        return dict(cursor.fetchall())


def test_statements_are_prepared_once(two: tuple[Actor, Actor]) -> None:
    before = prepared()
    operation = CompiledOperation.of(schema, document(DIRECTORY).syntax, None)
    for _time in range(4):
        for actor in two:
            assert operation.execute(None, Context(actor)).errors is None
    runs = {sql: count - before.get(sql, 0) for sql, count in prepared().items()}
    new = [count for count in runs.values() if count]
    # One of the two sees no other user; the list of one user needs no lateral join.
    assert sorted(new) == [4, 4, 8, 8]


def test_statements_are_not_prepared_if_switched_off(
    two: tuple[Actor, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prepared()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    operation = CompiledOperation.of(schema, document(DIRECTORY).syntax, None)
    for _time in range(7):
        assert operation.execute(None, Context(two[0])).errors is None
    assert prepared() == before


def test_statements_contain_no_current_time(db: None) -> None:
    now = timezone.now()
    for rows in (
        User.objects.filter(date_joined__gt=now),
        User.objects.filter(date_joined__in=[now, now]),
        User.objects.annotate(now=Value(now)),
    ):
        with pytest.raises(ParameterReadError):
            Statement.of(rows.values_list())
        assert Statement.of(rows.values_list(), once=True).rows({}) == []


def test_empty_queryset_runs_no_statement(
    two: tuple[Actor, Actor], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert Statement.of(User.objects.none().values_list()).rows({}) == ()
        source = '{ user(id: "x") { username } me { username } }'
        operation = CompiledOperation.of(schema, document(source).syntax, None)
        result = operation.execute(None, Context(ANONYMOUS))
    assert result.data == {"user": None, "me": None}


def test_null_param_equals_nothing(alice: User) -> None:
    param = Param.named("role").then(lambda role: role or None)
    make_organization("Own", alice, role=Role.OWNER)
    statement = Statement.of(Membership.objects.filter(role=param).values_list("role"))
    assert list(statement.rows({"role": "owner"})) == [("owner",)]
    assert list(statement.rows({"role": ""})) == []
