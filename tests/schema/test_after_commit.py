"""Errors after a mutation's commit are reported beside its payload, not instead of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction

from tests.support.client import Answer
from tests.support.executors import ENGINE, EXECUTORS, Executor
from tests.support.factories import PASSWORD
from tests.support.tables.authorization.kinds import ADMINISTRATOR, OWNER, USER
from tests.support.tables.authorization.writes import WRITES
from tests.support.world import World, build_world
from users.accounts.models import User
from users.activity.models import Event
from users.bulk.models import BulkAction
from users.organizations.models import Organization

# Mutations: the client, the selection of the payload, and the event that proves execution.
DONE: Final[dict[str, tuple[str, str, Callable[[], bool]]]] = {
    "updateProfile": (
        USER,
        "user { name }",
        lambda: User.objects.filter(username="user", name="New Name").exists(),
    ),
    "updateMetadata": (
        ADMINISTRATOR,
        "user { publicMetadata }",
        lambda: User.objects.filter(metadata__public={"plan": "team"}).exists(),
    ),
    "createGroup": (
        ADMINISTRATOR,
        "group { name }",
        lambda: Group.objects.filter(name="Authors").exists(),
    ),
    "createOrganization": (
        OWNER,
        "organization { name }",
        lambda: Organization.objects.filter(name="Archers").exists(),
    ),
    "createUser": (
        ADMINISTRATOR,
        "user { username }",
        lambda: User.objects.filter(username="new").exists(),
    ),
    "startBulkAction": (
        ADMINISTRATOR,
        "bulkAction { state }",
        lambda: BulkAction.objects.filter(state="pending").exists(),
    ),
    "suspendUser": (
        ADMINISTRATOR,
        "user { username }",
        lambda: User.objects.filter(username="owner", is_active=False).exists(),
    ),
    "changePassword": (
        USER,
        "user { username }",
        lambda: Event.objects.filter(tag__contains="password").exists(),
    ),
}


@contextmanager
def database_gone_after_commit() -> Iterator[list[str]]:
    """Fail statements after the commit of an event; yield the failed ones."""
    failed: list[str] = []
    committed: list[bool] = []

    def execute(run: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
        if committed:
            failed.append(sql)
            raise OperationalError("server closed the connection unexpectedly")
        if sql.startswith('INSERT INTO "activity_event"'):
            transaction.on_commit(lambda: committed.append(True))
        return run(sql, params, *more)

    with connection.execute_wrapper(execute):
        yield failed


def ask(world: World, kind: str, name: str, selection: str) -> Answer:
    input_, _expected = WRITES[name]
    document = f"mutation {{ {name}(input: {input_}) {{ {selection} errors {{ code }} }} }}"
    return world.clients[kind](world.complete(document))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("executor_name", EXECUTORS)
def test_unreadable_payload_says_that_the_mutation_committed(
    settings: Any, executor_name: str
) -> None:
    settings.SECOND_FACTOR = "all"
    world = World(Executor.chosen(executor_name, settings), build_world())
    for name, (kind, selection, is_done) in DONE.items():
        assert not is_done(), name
        with database_gone_after_commit() as failed:
            answer = ask(world, kind, name, selection)
        assert failed, name
        assert is_done(), name
        assert answer.status == 200
        field = selection.split()[0]
        assert answer.body["data"] == {name: {field: None, "errors": []}}
        (error,) = answer.body["errors"]
        assert error["path"][:1] == [name]
        assert answer.codes == ["UNAVAILABLE"]
        assert error["extensions"].keys() == {"code", "retryAfter"}


@pytest.mark.django_db(transaction=True)
def test_error_after_commit_is_reported_beside_the_payload(
    settings: Any,
) -> None:
    settings.SECOND_FACTOR = "all"
    world = World(Executor.chosen(ENGINE, settings), build_world())
    # The attempt is refunded after the commit, in PostgreSQL where there is no Redis.
    settings.REDIS_URL = "redis://127.0.0.1:1"
    login = f'logIn(input: {{login: "user", password: "{PASSWORD}"}})'
    document = f"mutation {{ {login} {{ user {{ username }} accessToken errors {{ code }} }} }}"
    with database_gone_after_commit() as failed:
        answer = world.clients[ADMINISTRATOR](document)
    assert failed
    assert answer.status == 200
    assert answer.body["data"] == {"logIn": {"user": None, "accessToken": None, "errors": []}}
    assert [error["path"] for error in answer.body["errors"]] == [["logIn"]]
    assert answer.codes == ["UNAVAILABLE"]


@pytest.mark.django_db(transaction=True)
def test_uncommitted_mutation_has_no_payload(settings: Any) -> None:
    settings.SECOND_FACTOR = "all"
    world = World(Executor.chosen(ENGINE, settings), build_world())

    def execute(run: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
        if connection.in_atomic_block and sql.startswith("INSERT"):
            raise OperationalError("server closed the connection unexpectedly")
        return run(sql, params, *more)

    with connection.execute_wrapper(execute):
        answer = ask(world, ADMINISTRATOR, "createGroup", "group { name }")
    assert (answer.status, answer.codes) == (503, ["UNAVAILABLE"])
    assert answer.body["data"] is None
    assert not Group.objects.filter(name="Authors").exists()
