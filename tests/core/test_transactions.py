"""Writes that wait for COMMIT: committed as without, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    connection,
    transaction,
)
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from core.database.ids import new_id
from core.database.rows import insert, update
from core.database.transactions import pipelined
from core.outbox.models import OutboxMessage
from engine.deadline import Deadline
from engine.sql import pending
from tests.support.captured import Statements, bound_statements
from tests.support.pipelined_writes import (
    UNCHANGED,
    new_event,
    prepared_profile,
    profile_of,
    write,
    written,
)
from tests.support.pipelines import Pipelines, watched_pipelines
from users.accounts.models import LastSeen, Profile
from users.activity.models import Event
from users.activity.tags import Tag

pytestmark = pytest.mark.django_db(transaction=True)

Capture = Callable[[], AbstractContextManager[Statements]]


@pytest.fixture
def pipelines() -> Iterator[Pipelines]:
    with watched_pipelines(pending) as pipelines:
        yield pipelines


@pytest.fixture
def profile() -> Profile:
    return prepared_profile()


def test_a_transaction_takes_as_many_round_trips_as_decisions(
    profile: Profile, pipelines: Pipelines
) -> None:
    write(profile, "new")
    # BEGIN and the lock; the profile; three writes and COMMIT.
    assert pipelines.sizes == [2, 1, 4]
    assert written() == ("new", 2, 2)
    assert connection.execute_wrappers == []


def test_hooks_run_after_the_commit(profile: Profile, pipelines: Pipelines) -> None:
    seen: list[Any] = []
    with pipelined():
        transaction.on_commit(lambda: seen.append(written()))
        insert(new_event())
        assert written() == UNCHANGED
    assert seen == [("", 2, 1)]
    assert pipelines.sizes == [3]


def lost_row(profile: Profile) -> None:
    profile.user_id = new_id()
    update(profile, ["bio"])


def repeated_key(_profile: Profile) -> None:
    event = new_event()
    event.pk = Event.objects.values_list("pk", flat=True)[0]
    insert(event)


def long_text(profile: Profile) -> None:
    profile.bio = "x" * 501
    update(profile, ["bio"])


def missing_reference(_profile: Profile) -> None:
    """The constraint is deferred, so COMMIT fails."""
    insert(LastSeen(user_id=new_id(), at=timezone.now()))


ERRORS: list[tuple[Callable[[Profile], None], type[DatabaseError], str]] = [
    (lost_row, DatabaseError, "This row does not exist"),
    (repeated_key, IntegrityError, r"activity_event_.*pkey"),
    (long_text, DataError, "too long"),
    (missing_reference, IntegrityError, "violates foreign key"),
]


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(("fail", "error", "message"), ERRORS)
def test_an_error_in_any_position_commits_nothing(
    profile: Profile,
    pipelines: Pipelines,
    fail: Callable[[Profile], None],
    error: type[DatabaseError],
    message: str,
    before: int,
    after: int,
) -> None:
    committed: list[bool] = []

    def run() -> None:
        with pipelined():
            transaction.on_commit(lambda: committed.append(True))
            for _number in range(before):
                insert(new_event())
            fail(profile)
            for _number in range(after):
                insert(new_event())

    # The first time, the failing statement is not prepared.
    for _time in range(2):
        with pytest.raises(error, match=message):
            run()
        assert (written(), committed) == (UNCHANGED, [])
        assert not connection.in_atomic_block
        assert not connection.needs_rollback
        assert connection.get_autocommit()
    write(Profile.objects.get(), "usable")
    assert written() == ("usable", 2, 2)


@pytest.mark.parametrize("by_django", [True, False])
def test_a_caught_error_still_rolls_back(
    profile: Profile, pipelines: Pipelines, *, by_django: bool
) -> None:
    """It is raised by the next statement."""
    committed: list[bool] = []
    with pipelined():
        transaction.on_commit(lambda: committed.append(True))
        repeated_key(profile)
        with pytest.raises(IntegrityError, match=r"activity_event_.*pkey"):
            Profile.objects.get() if by_django else profile_of.get(profile.pk)
        with pytest.raises(TransactionManagementError):
            profile_of.get(profile.pk)
        with pytest.raises(TransactionManagementError):
            insert(new_event())
    assert (written(), committed) == (UNCHANGED, [])


def test_an_error_of_the_last_statement_leaves_the_others_unwritten(profile: Profile) -> None:
    with pytest.raises(DataError, match="invalid input"), pipelined():  # noqa: PT012
        insert(new_event())
        profile_of.get("no id")
    assert written() == UNCHANGED


def test_a_value_that_psycopg_refuses_is_refused_at_once(profile: Profile) -> None:
    profile.bio = "a\0b"
    with pipelined():
        with pytest.raises(DataError, match="NUL"):
            update(profile, ["bio"])
        assert connection.needs_rollback
    assert written() == UNCHANGED


def test_an_error_of_the_block_sends_nothing(profile: Profile, pipelines: Pipelines) -> None:
    with pytest.raises(ZeroDivisionError), pipelined():  # noqa: PT012 - see the name
        insert(new_event())
        raise ZeroDivisionError
    with pipelined():
        insert(new_event())
        transaction.set_rollback(True)
    assert (written(), pipelines.sizes) == (UNCHANGED, [])


def test_statements_of_django_see_what_was_written_before(profile: Profile) -> None:
    with pipelined():
        insert(new_event())
        assert Event.objects.count() == 2
        Event.objects.create(tag=Tag.PROFILE_CHANGED)
        insert(new_event())
        assert profile_of.first(profile.pk) == profile
        assert Event.objects.count() == 4
    assert written() == ("", 4, 1)


def test_generated_values_are_read_at_once(profile: Profile, pipelines: Pipelines) -> None:
    for _time in range(2):
        with pipelined():
            insert(new_event())
            message = OutboxMessage(
                subscriber="x", payload={}, dispatch_at=profile.user.date_joined
            )
            insert(message)
            assert message.pk is not None
    # BEGIN, the event and the message; then Django's COMMIT.
    assert pipelines.sizes[-1] == 3
    assert OutboxMessage.objects.count() == 2


def test_a_savepoint_handles_its_own_errors(profile: Profile) -> None:
    with pipelined():
        insert(new_event())
        with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012 - both are undone
            insert(new_event())
            repeated_key(profile)
        with transaction.atomic():
            insert(new_event())
    assert written() == ("", 3, 1)


def test_other_transactions_do_not_contain_it(profile: Profile) -> None:
    with (
        transaction.atomic(),
        pytest.raises(RuntimeError, match="durable"),
        pipelined(),
    ):
        insert(new_event())
    assert written() == UNCHANGED


@pytest.mark.parametrize("is_prepared", [True, False])
def test_nothing_waits_without_pipelines(
    profile: Profile,
    pipelines: Pipelines,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_prepared: bool,
) -> None:
    """As behind a PgBouncer that knows no prepared statements, or with the setting."""
    settings.DATABASE_PIPELINE = not is_prepared
    if not is_prepared:
        monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    write(profile, "new")
    assert (written(), pipelines.executed) == (("new", 2, 2), 0)
    with pipelined():
        # At once, as in an `atomic` block.
        with pytest.raises(IntegrityError):
            repeated_key(profile)
        assert connection.needs_rollback
    assert written() == ("new", 2, 2)


@pytest.mark.parametrize("is_logged", [True, False])
def test_the_log_and_wrappers_see_each_statement(
    profile: Profile, pipelines: Pipelines, statements: Capture, *, is_logged: bool
) -> None:
    with statements() if is_logged else bound_statements() as captured:
        write(profile, "new")
    words = [sql.split()[0] for sql in captured]
    assert words == (
        ["BEGIN"] * is_logged
        + ["SELECT", "SELECT", "WITH", "INSERT", "INSERT"]
        + ["COMMIT"] * is_logged
    )
    assert (written(), pipelines.executed) == (("new", 2, 2), 0)


def test_a_wrapper_that_is_added_within_sees_what_waits(
    profile: Profile, pipelines: Pipelines
) -> None:
    seen: list[str] = []

    def watch(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        seen.append(sql.split(maxsplit=1)[0])
        return execute(sql, *more)

    with pipelined():
        insert(new_event())
        with connection.execute_wrapper(watch):
            profile_of.get(profile.pk)
        insert(new_event())
    assert seen == ["INSERT", "SELECT"]
    assert (written(), pipelines.sizes) == (("", 3, 1), [2])


def test_near_the_deadline_each_statement_has_its_time(
    profile: Profile, pipelines: Pipelines
) -> None:
    with Deadline(3.0, statement_timeout=5.0):
        write(profile, "new")
    assert (written(), pipelines.executed) == (("new", 2, 2), 0)
