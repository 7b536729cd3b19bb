"""Generated operations are answered alike with and without the cache of answers.

Requesters of all kinds ask for the same documents, while roles, scopes, suspensions and rows
change between their requests. `make test-engine` generates others from a seed.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group
from graphql import GraphQLError

from core.errors import InsufficientScopeError
from core.security.actor import ANONYMOUS, Actor
from schema.context import Context
from schema.http.answers.cached import ANSWERS
from schema.http.answers.execution import Outcome
from schema.http.execution import execute
from tests.schema.drawing import GeneratedOperation
from tests.schema.people import populate
from tests.schema.test_differential import ENOUGH, SEED, answer_of, compare_drawn, material_for
from users.accounts.models import Profile, User
from users.organizations.models import Membership, Organization, Role
from users.scopes import Scope


def rename(row: Group | Organization, rng: random.Random) -> None:
    row.name = f"Name {rng.random()}"
    row.save(update_fields=["name"])


# How often a requester asks: an answer is cached with the second time.
TIMES: Final = 4
REQUESTERS: Final = ("person", "owner", "staff", "administrator", "other staff")
CHANGES: Final[tuple[Callable[[random.Random, User], Any], ...]] = (
    lambda rng, user: User.objects.filter(pk=user.pk).update(name=f"Name {rng.random()}"),
    lambda rng, user: Profile.objects.filter(user=user).update(bio=f"Bio {rng.random()}"),
    lambda rng, user: User.objects.filter(pk=user.pk).update(is_public=rng.random() < 0.5),
    lambda rng, user: User.objects.filter(pk=user.pk).update(is_staff=rng.random() < 0.5),
    lambda rng, user: User.objects.filter(pk=user.pk).update(is_active=rng.random() < 0.8),
    lambda rng, user: Membership.objects.filter(user=user).update(role=rng.choice([*Role])),
    lambda rng, user: Membership.objects.get_or_create(
        user=user, organization=rng.choice(Organization.objects.order_by("pk"))
    ),
    lambda _rng, user: Membership.objects.filter(user=user).delete(),
    lambda rng, user: user.groups.set(rng.sample([*Group.objects.order_by("pk")], 1)),
    lambda rng, _user: rename(Group.objects.order_by("pk")[0], rng),
    lambda rng, _user: rename(Organization.objects.order_by("pk")[0], rng),
)


@pytest.fixture
def actors(transactional_db: None) -> Iterator[dict[str, Actor]]:
    ANSWERS.clear()
    yield populate()
    ANSWERS.clear()


def user_of(actor: Actor) -> User:
    assert actor.user_id
    return User.objects.get(pk=actor.user_id)


def authenticated(actor: Actor, changed: dict[str, Any]) -> Actor:
    """Return the actor as authentication would: with the role of now, and a credential."""
    user = user_of(actor)
    if not user.is_active:
        return ANONYMOUS
    return replace(actor, is_staff=user.is_staff, is_superuser=user.is_superuser, **changed)


def draw_credential(rng: random.Random, actor: Actor, administrator: Actor) -> dict[str, Any]:
    """Return the attributes of a session, an API token or an impersonation."""
    scopes = frozenset(str(scope) for scope in Scope if rng.random() < 0.7)
    return rng.choice(
        [
            {},
            {"scopes": scopes, "session_id": None, "token_id": actor.session_id},
            {"scopes": scopes, "impersonator_id": administrator.user_id},
        ]
    )


def test_cached_answers_of_generated_operations_are_equal(
    actors: dict[str, Actor], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "schema.errors")
    rng = random.Random(SEED)  # noqa: S311 - the same each time
    material = material_for(actors["staff"])
    users = [user_of(actors[name]) for name in REQUESTERS]
    seen: Counter[str | None] = Counter()

    def ask(drawn: GeneratedOperation, actor: Actor) -> Any:
        context = Context(actor)
        try:
            result = execute(drawn.source, None, drawn.variables, context, read_only=True)
        except (GraphQLError, InsufficientScopeError) as error:
            return str(error)
        seen[context.caching.outcome] += 1
        return answer_of(result)

    def compare(drawn: GeneratedOperation) -> None:
        for name in rng.sample(REQUESTERS, 2):
            credential = draw_credential(rng, actors[name], actors["administrator"])
            for time in range(TIMES):
                if time == TIMES - 1:
                    rng.choice(CHANGES)(rng, rng.choice(users))
                actor = authenticated(actors[name], credential)
                with patch.object(type(ANSWERS), "max_size", 0):
                    expected = ask(drawn, actor)
                assert ask(drawn, actor) == expected

    compare_drawn("cached", material, compare)
    # Guards against operations that are not cached. Small runs may deviate.
    if seen.total() >= ENOUGH * TIMES:
        assert seen[Outcome.HIT] > seen.total() * 0.05, seen
        assert seen[Outcome.CHANGED] > 0, seen
