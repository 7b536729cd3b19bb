"""Fields of models with resolvers of their own, and with arguments."""

from typing import Any, Final

import pytest
import strawberry
import strawberry_django
from strawberry import auto
from strawberry_django.optimizer import DjangoOptimizerExtension

from core.security.actor import ANONYMOUS
from engine.operation import CompiledOperation
from schema.context import Context
from schema.documents.document import document
from users.accounts.models import Profile, User


@strawberry_django.type(Profile)
class Account:
    """A user's profile."""

    bio: auto

    @strawberry_django.field(only=["user__username"], select_related=["user"])
    def owner(self: Profile) -> str:
        return self.user.username


@strawberry_django.type(User)
class Person:
    """A user, with resolvers."""

    username: auto
    profile: Account | None

    @strawberry_django.field(only=["username"])
    def repeated(self: User, times: int = 2) -> str:
        return self.username * times

    @strawberry_django.field(only=["username"])
    def only_of_bob(self: User) -> str | None:
        if self.username != "bob":
            raise ValueError(f"{self.username} is not Bob.")
        return self.username

    @strawberry_django.field(only=["username"])
    def strictly_of_bob(self: User) -> str:
        if self.username != "bob":
            raise ValueError(f"{self.username} is not Bob.")
        return self.username


@strawberry.type
class Query:
    """Queries of users."""

    @strawberry_django.field
    def people(self) -> list[Person]:
        return User.objects.order_by("username")

    @strawberry_django.field
    def person(self, name: str) -> Person | None:
        return User.objects.filter(username=name)

    @strawberry_django.field
    def none(self) -> list[Person]:
        raise ValueError("No list.")


class SilentSchema(strawberry.Schema):
    """A schema that does not log what goes wrong on purpose."""

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Do nothing."""


SCHEMA: Final = SilentSchema(Query, extensions=[DjangoOptimizerExtension])


def summarize(result: Any) -> Any:
    return result.data, [(e.message, e.path, e.locations) for e in result.errors or ()]


@pytest.mark.parametrize(
    ("source", "variables", "paths"),
    [
        ("{ people { repeated other: repeated(times: 3) } }", {}, []),
        ("query ($n: Int!) { people { repeated(times: $n) } }", {"n": 0}, []),
        ("query ($n: Int = 1) { people { repeated(times: $n) } }", {}, []),
        (
            "query ($n: Int = 1) { people { username repeated(times: $n) } }",
            {"n": None},
            [["people", 0, "repeated"]],
        ),
        ("{ people { username onlyOfBob } }", {}, [["people", 0, "onlyOfBob"]]),
        (
            "{ people { onlyOfBob strictlyOfBob } }",
            {},
            [["people", 0, "onlyOfBob"], ["people", 0, "strictlyOfBob"]],
        ),
        ('{ person(name: "alice") { strictlyOfBob } }', {}, [["person", "strictlyOfBob"]]),
        ('{ person(name: "bob") { strictlyOfBob profile { bio owner } } }', {}, []),
        ('{ person(name: "unknown") { strictlyOfBob } people { profile { owner } } }', {}, []),
        ("{ people { username } none { username } }", {}, [["none"]]),
    ],
)
def test_resolvers_of_objects_are_called_for_each(
    alice: User, bob: User, source: str, variables: dict[str, Any], paths: list[Any]
) -> None:
    Profile.objects.filter(user=alice).delete()
    operation = CompiledOperation.of(SCHEMA, document(source).syntax, None)
    expected = SCHEMA.execute_sync(
        source, variable_values=variables, context_value=Context(ANONYMOUS)
    )
    for _time in range(2):
        actual = operation.execute(variables, Context(ANONYMOUS))
        assert summarize(actual) == summarize(expected)
    assert [error.path for error in expected.errors or ()] == paths
