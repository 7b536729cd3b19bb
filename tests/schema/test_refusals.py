"""What the engine does not know it leaves to graphql-core, before anything is done."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest
import strawberry
import strawberry_django
from strawberry import BasePermission, auto, relay
from strawberry.extensions import FieldExtension

from core.security.actor import ANONYMOUS, SYSTEM, Actor
from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from engine.relay.connection import KeysetConnection, KeysetEdge, Paged, paged_connection
from engine.relay.nested import nested_connection
from engine.relay.selections import Optimizer
from schema.context import Context, Info
from schema.documents.document import Documents, document
from schema.http import execution
from schema.query import keyset_connection
from schema.scopes import NoScope
from tests.engine.silent import SilentSchema
from users.accounts.models import User
from users.organizations import models


class StaffOnly(BasePermission):
    """Asks of the context who is there."""

    message = "For staff."

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        is_staff: bool = info.context.actor.is_staff
        return is_staff


class Shout(FieldExtension):
    """Changes what is resolved."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs).upper()


@strawberry_django.type(models.Membership)
class Belonging:
    """A membership."""

    role: auto


@strawberry.type
class BelongingConnection(KeysetConnection[Belonging]):  # type: ignore[type-var]  # not a Node
    """A page of them."""


@strawberry_django.type(User)
class Person(relay.Node):
    """A user with fields of all kinds."""

    id: relay.NodeID[str]
    username: auto
    loud: str = strawberry_django.field(field_name="username", extensions=[Shout()])
    guarded: str = strawberry_django.field(field_name="username", permission_classes=[StaffOnly])
    # A property of Python's.
    is_authenticated: bool

    @strawberry_django.field(only=["username"], permission_classes=[StaffOnly])
    def resolved(self: User) -> str:
        return self.username

    @nested_connection(BelongingConnection, parent="user")
    def belongings(self) -> Iterable[Belonging]:
        return models.Membership.objects.in_order()


@strawberry.type
class NumberedEdge(KeysetEdge[Person]):
    """An edge with more than the engine knows of."""

    @strawberry.field
    def number(self) -> int:
        return 1


@strawberry.type
class PersonConnection(KeysetConnection[Person]):
    """A page of users."""

    edges: list[NumberedEdge]  # type: ignore[assignment]


class _PermissionOf(FieldExtension):
    """Asks a permission."""

    def __init__(self, permission: BasePermission) -> None:
        self.permission = permission

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        if not self.permission.has_permission(source, info):
            raise PermissionError(self.permission.message)
        return next_(source, info, **kwargs)


def _guarded_connection() -> Any:
    field = paged_connection(PersonConnection, Paged())
    field.extensions = [_PermissionOf(StaffOnly()), *field.extensions]
    return field


@strawberry.type
class Query:
    """Queries of users."""

    @strawberry_django.field
    def people(self) -> list[Person]:
        return User.objects.order_by("username")

    @strawberry_django.field(permission_classes=[StaffOnly])
    def guarded(self) -> list[Person]:
        return User.objects.order_by("username")

    @keyset_connection(PersonConnection, scope=NoScope.ANY_TOKEN)
    def paged(self, info: Info) -> Iterable[Person]:
        return User.objects.order_by("username")

    @_guarded_connection()
    def guarded_page(self, info: Info) -> Iterable[Person]:
        return User.objects.order_by("username")


SCHEMA: Final = SilentSchema(Query, extensions=[Documents, Optimizer])


def run(source: str, actor: Actor) -> Any:
    return execution.execute(source, None, None, Context(actor), read_only=True)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("{ people { loud } }", {"people": [{"loud": "ALICE"}]}),
        (
            "{ people { username guarded } }",
            {"people": [{"username": "alice", "guarded": "alice"}]},
        ),
        ("{ people { resolved } }", {"people": [{"resolved": "alice"}]}),
        ("{ people { isAuthenticated } }", {"people": [{"isAuthenticated": True}]}),
        ("{ guarded { username } }", {"guarded": [{"username": "alice"}]}),
        (
            "{ guardedPage(first: 2) { nodes { username } } }",
            {"guardedPage": {"nodes": [{"username": "alice"}]}},
        ),
        (
            "{ paged(first: 2) { nodes { loud } } }",
            {"paged": {"nodes": [{"loud": "ALICE"}]}},
        ),
        (
            "{ paged(first: 2) { edges { node { guarded } } } }",
            {"paged": {"edges": [{"node": {"guarded": "alice"}}]}},
        ),
        (
            "{ paged(first: 2) { edges { number node { username } } } }",
            {"paged": {"edges": [{"number": 1, "node": {"username": "alice"}}]}},
        ),
    ],
)
def test_unknown_rules_fall_back_to_graphql_core(
    alice: User, monkeypatch: pytest.MonkeyPatch, source: str, answer: Any
) -> None:
    monkeypatch.setattr(execution, "schema", SCHEMA)
    with pytest.raises(NotPlannableError):
        CompiledOperation.of(SCHEMA, document(source).syntax, None).execute(None, Context(SYSTEM))
    result = run(source, SYSTEM)
    assert (result.data, result.errors) == (answer, None)
    result = run(source, ANONYMOUS)
    if "guarded" in source or "resolved" in source:
        assert result.data is None
        assert [error.message for error in result.errors] == ["For staff."]
    else:
        assert (result.data, result.errors) == (answer, None)


@pytest.mark.parametrize(
    "source",
    [
        "{ people { id username __typename } }",
        "{ paged(first: 2) { nodes { belongings(first: 1) { nodes { role } } } } }",
    ],
)
def test_known_extensions_are_not_refused(alice: User, source: str) -> None:
    actual = CompiledOperation.of(SCHEMA, document(source).syntax, None).execute(
        None, Context(SYSTEM)
    )
    expected = SCHEMA.execute_sync(source, context_value=Context(SYSTEM))
    assert (actual.data, actual.errors) == (expected.data, expected.errors) != (None, None)
