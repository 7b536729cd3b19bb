"""`manage.py cache`: the state of the caches, and dropped answers."""

from collections.abc import Callable
from io import StringIO
from typing import Any, Final

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from schema.http.answers.execution import CACHE
from tests.support.cached_answers import outcomes, warm
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_token, node_id
from users.accounts.models import User

ME: Final = "{ me { name } }"
ORGANIZATION: Final = """query ($id: ID!) {
  organization(id: $id) { members(first: 5) { nodes { user { name } } } }
}"""


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("cache", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.usefixtures("transactional_db", "no_cached_answers")
def test_answers_are_dropped(alice: User, bob: User) -> None:
    """Only those that show the user or the organisation."""
    organization = make_organization("Club", alice, bob)
    given = {"id": node_id(organization)}
    alices, bobs = (GraphQLClient(make_token(user)) for user in (alice, bob))
    questions: dict[str, Callable[[], Any]] = {
        "alice": lambda: alices(ME),
        "bob": lambda: bobs(ME),
        "organization": lambda: bobs(ORGANIZATION, **given),
    }

    def dropped_by(*arguments: str) -> set[str]:
        warm(alices, ME)
        warm(bobs, ME)
        warm(bobs, ORGANIZATION, **given)
        assert run(*arguments) == "Dropped.\n"
        return {name for name, ask in questions.items() if outcomes(ask) == ["changed"]}

    assert dropped_by("--drop-user", "alice") == {"alice", "organization"}
    assert dropped_by("--drop-organization", node_id(organization)) == {"organization"}
    assert dropped_by("--drop-all") == {"alice", "bob", "organization"}


@pytest.mark.usefixtures("db")
def test_dropping_all_empties_the_shared_cache(settings: Any) -> None:
    CACHE.put(b"key", b"value")
    run("--drop-all")
    assert CACHE.get(b"key") is None
    unreachable = settings.CACHES["shared"] | {"LOCATION": "redis://127.0.0.1:1?socket_timeout=1"}
    with override_settings(CACHES=settings.CACHES | {"shared": unreachable}):
        assert run("--drop-all").splitlines()[1].startswith("The shared cache is unreachable")


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--drop-user", "missing"], "There is no user missing."),
        (["--drop-organization", "x"], "There is no organization x."),
        (["--drop-user", "alice", "--drop-all"], "not allowed with argument"),
    ],
)
def test_unknown_objects_are_named(alice: User, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_state_is_shown(settings: Any) -> None:
    settings.ANSWER_CACHE_MB, settings.SHARED_CACHE_SECONDS = 8, 60
    assert run().splitlines() == [
        "In each web process: up to 8 MB (ANSWER_CACHE_MB); see /metrics.",
        "Shared by all processes: for 60 s (CACHE_URL).",
    ]
    settings.ANSWER_CACHE_MB = 0
    assert run() == "Answers are not cached (ANSWER_CACHE_MB=0).\n"
    settings.ANSWER_CACHE_MB, settings.SHARED_CACHE_SECONDS = 8, 0
    assert run().splitlines()[1] == "Shared by all processes: off (SHARED_CACHE_SECONDS)."
