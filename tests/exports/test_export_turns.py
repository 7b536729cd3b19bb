"""Turns of exports: no user is missing or written twice, even if workers are killed."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from core.outbox.models import OutboxMessage
from core.security.actor import Actor
from tests.core.test_outbox import overdue
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_users
from tests.support.user_exports import completed, rows, run_turn, run_turns, started
from users.accounts.models import User, UserQuerySet
from users.exports import files
from users.exports.models import UserExport
from users.exports.services import run, write
from users.exports.tasks import run_user_export
from users.jobs.services import run as jobs
from users.jobs.services.cancel import cancel_job
from users.jobs.services.run import OvertakenError

Capture = Callable[[], AbstractContextManager[Statements]]


class KilledError(BaseException):
    """Simulates a killed worker."""


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit each turn to one part, and each part to two users."""
    monkeypatch.setattr(jobs, "TURN", dt.timedelta(0))
    monkeypatch.setattr(write, "BATCH", 2)


def names(export: UserExport) -> list[str]:
    export.refresh_from_db()
    return [row["username"] for row in rows(export)]


@pytest.mark.usefixtures("short_turns")
def test_parts_are_joined(administrator: GraphQLClient) -> None:
    users = make_users(f"person-{number}" for number in range(7))
    export = started(administrator, search="person")
    # Four with users, and one to find no more.
    assert run_turns() == 5
    assert names(export) == [user.username for user in users]
    assert (export.state, export.total, export.done, export.parts) == ("completed", 7, 7, 4)


@pytest.mark.usefixtures("short_turns")
@pytest.mark.parametrize("when", ["store", "advance"])
@pytest.mark.parametrize("number", range(4))
def test_killed_worker_is_replaced(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch, when: str, number: int
) -> None:
    """Kill the worker before it stores a part, or between the part and the cursor."""
    users = make_users(f"person-{count}" for count in range(7))
    export = started(administrator, search="person")
    for _turn in range(number):
        run_turn()

    def killed(*_args: Any, **changes: Any) -> Any:
        if when == "store" or "cursor" in changes:
            raise KilledError
        return True

    with monkeypatch.context() as patched:
        patched.setattr(run, "store_part" if when == "store" else "advance", killed)
        with pytest.raises(KilledError):
            run_turn()
    overdue()
    run_turns()

    assert names(export) == [user.username for user in users]
    assert (export.state, export.done, export.parts) == ("completed", 7, 4)


@pytest.mark.usefixtures("short_turns")
@pytest.mark.parametrize("when", ["store", "advance"])
def test_worker_that_was_overtaken_leaves_the_export(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Stop a worker past its lease, before it stores a part or the cursor."""
    users = make_users(f"person-{count}" for count in range(5))
    export = started(administrator, search="person")
    name = "write_users" if when == "store" else "advance"
    original = getattr(run, name)

    def stopped(*args: Any, **options: Any) -> Any:
        is_count = "total" in options
        result = None if is_count or when == "advance" else list(original(*args, **options))[:1]
        if not is_count:
            with monkeypatch.context() as resumed:
                resumed.setattr(run, name, original)
                # A longer part, with the same beginning.
                resumed.setattr(write, "BATCH", 3)
                run_user_export(str(export.pk), turn=0)
        return result or original(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(run, name, stopped)
        with pytest.raises(OvertakenError):
            run_user_export(str(export.pk), turn=0)
    OutboxMessage.objects.filter(payload__turn=0).delete()
    run_turns()
    export.refresh_from_db()
    assert (export.state, export.done) == ("completed", 5)
    if when == "store":
        assert names(export) == [user.username for user in users]


@pytest.mark.usefixtures("short_turns")
def test_redelivered_message_does_nothing(administrator: GraphQLClient) -> None:
    make_users(f"person-{number}" for number in range(3))
    export = started(administrator, search="person")
    run_turn()
    run_user_export(str(export.pk), turn=0)
    export.refresh_from_db()
    assert (export.done, export.parts, export.turn) == (2, 1, 1)


@pytest.mark.usefixtures("short_turns")
def test_canceling_deletes_the_part_of_a_running_worker(
    administrator: GraphQLClient, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_users(f"person-{number}" for number in range(5))
    export = started(administrator, search="person")

    def canceled(*args: Any) -> None:
        files.store_part(*args)
        cancel_job("UserExport", export.pk, actor=Actor(user_id=root.pk, is_superuser=True))

    with monkeypatch.context() as patched:
        patched.setattr(run, "store_part", canceled)
        run_turn()
    export.refresh_from_db()
    assert (export.state, export.done) == ("canceled", 2)
    assert not (Path(settings.PRIVATE_FILES_DIR) / export.directory).exists()
    assert run_turns() == 0


@pytest.mark.usefixtures("short_turns")
def test_a_lost_role_stops_the_export(administrator: GraphQLClient, root: User) -> None:
    make_users(f"person-{number}" for number in range(5))
    export = started(administrator, search="person")
    run_turn()
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    run_turns()
    export.refresh_from_db()
    assert (export.state, export.done) == ("stopped", 2)


@pytest.mark.usefixtures("short_turns")
def test_users_who_take_too_long_to_count_are_counted_once(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = make_users(f"person-{number}" for number in range(5))
    export = started(administrator, search="person")
    counted = []

    def count(selected: UserQuerySet) -> None:
        counted.append(selected)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 10; SELECT pg_sleep(9)")

    monkeypatch.setattr(UserQuerySet, "count", count)
    run_turns()
    assert names(export) == [user.username for user in users]
    assert (export.state, export.total, export.progress) == ("completed", None, None)
    assert len(counted) == 1


def test_statements_depend_on_the_columns_only(
    administrator: GraphQLClient, statements: Capture
) -> None:
    taken = []
    for count in (10, 30):
        User.objects.filter(is_superuser=False).delete()
        make_users(f"person-{number}" for number in range(count))
        for fields in (["USERNAME", "LOCALE"], ["GROUPS", "ORGANIZATIONS", "SECONDARY_EMAILS"]):
            started(administrator, fields=fields)
            with statements() as captured:
                run_turns()
            taken.append(len([sql for sql in captured if "SAVEPOINT" not in sql]))
    few, lists, *many = taken
    assert [few, lists] == many
    assert lists - few == 3
    assert not OutboxMessage.objects.filter(subscriber__endswith="run_user_export").exists()
    assert completed(administrator).state == "completed"
