"""A statement that leads another: in one pipeline with it, and never without being checked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
from django.db import (
    DatabaseError,
    DataError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.models import CharField, ExpressionWrapper, Func
from psycopg.errors import QueryCanceled

from engine.sql.leading import (
    LeadingStatement,
    NotConfirmedError,
    leading_connection,
    run_leading,
)
from engine.sql.statements import Param, Statement
from tests.support.captured import Statements
from tests.support.factories import make_user
from tests.support.other_connections import locked_elsewhere, resized_nickname, terminate
from tests.support.pipelines import Pipelines, watched_pipelines
from users.accounts.models import Profile, User

pytestmark = pytest.mark.django_db(transaction=True)

Capture = Callable[[], AbstractContextManager[Statements]]
# More than the buffers of a socket hold.
LARGE = 8 << 20


@pytest.fixture
def pipelines() -> Iterator[Pipelines]:
    with watched_pipelines() as pipelines:
        yield pipelines


@pytest.fixture
def alice() -> str:
    return str(make_user("alice").pk)


def prepared(*columns: Any, text_ids: bool = True) -> Statement:
    """Return a statement for columns of a user, which the connection has prepared."""
    users = User.objects.filter(pk=Param.named("id"))
    statement = Statement.of(users.values_list(*columns), text_ids=text_ids)
    statement.rows({"id": str(uuid4())})
    return statement


@pytest.fixture
def first(alice: str) -> Statement:
    return prepared("username", text_ids=False)


@pytest.fixture
def second(alice: str) -> Statement:
    return prepared("email")


def leading(statement: Statement, user_id: str, *expected: str) -> LeadingStatement:
    return LeadingStatement(
        connections["default"], statement, {"id": user_id}, [(each,) for each in expected]
    )


EMAIL = [("alice@example.org",)]


def test_both_go_out_in_one_pipeline(
    first: Statement, second: Statement, alice: str, pipelines: Pipelines
) -> None:
    assert leading_connection() is connections["default"]
    with leading(first, alice, "alice") as statement:
        assert second.rows({"id": alice}) == EMAIL
        assert (statement.is_confirmed, pipelines.executed) == (True, 1)
        assert second.rows({"id": str(uuid4())}) == []
    assert pipelines.executed == 1
    assert connection.execute_wrappers == []


def test_statements_of_one_cursor_go_out_in_one_pipeline(
    second: Statement, alice: str, pipelines: Pipelines
) -> None:
    with leading(prepared("username"), alice, "alice"):
        assert second.rows({"id": alice}) == EMAIL
    assert pipelines.executed == 1


@pytest.mark.parametrize("expected", [["bob"], [], ["alice", "alice"]])
def test_other_rows_end_the_block(
    first: Statement, second: Statement, alice: str, pipelines: Pipelines, expected: list[str]
) -> None:
    found: list[Any] = []
    with pytest.raises(NotConfirmedError), leading(first, alice, *expected):
        found += second.rows({"id": alice})
    assert (found, pipelines.executed) == ([], 1)
    assert second.rows({"id": alice}) == EMAIL


def test_a_block_without_statements_is_checked_too(first: Statement, alice: str) -> None:
    with pytest.raises(NotConfirmedError), leading(first, alice, "bob"):
        pass
    with leading(first, alice, "alice") as statement:
        pass
    assert statement.is_confirmed


def test_an_error_leaves_the_block_after_the_check_only(first: Statement, alice: str) -> None:
    with pytest.raises(ZeroDivisionError), leading(first, alice, "alice") as statement:
        raise ZeroDivisionError
    assert statement.is_confirmed
    with pytest.raises(NotConfirmedError), leading(first, alice, "bob"):
        raise ZeroDivisionError


def test_a_swallowed_refusal_ends_the_block_nevertheless(
    first: Statement, second: Statement, alice: str
) -> None:
    with pytest.raises(NotConfirmedError), leading(first, alice, "bob"):  # noqa: PT012 - see below
        # As a handler might that catches everything.
        for _time in range(2):
            with pytest.raises(NotConfirmedError):
                second.rows({"id": alice})
            with pytest.raises(NotConfirmedError):
                run_leading()
            with pytest.raises(NotConfirmedError), connection.cursor() as cursor:
                cursor.execute("SELECT 1")
    assert connection.execute_wrappers == []
    assert second.rows({"id": alice}) == EMAIL


def test_it_runs_when_asked(first: Statement, alice: str, statements: Capture) -> None:
    run_leading()
    with leading(first, alice, "alice"), statements() as captured:
        run_leading()
        run_leading()
    assert len(captured) == 1
    with pytest.raises(NotConfirmedError), leading(first, alice, "bob"):
        run_leading()


def test_it_runs_before_a_statement_of_django(
    first: Statement, alice: str, pipelines: Pipelines
) -> None:
    with leading(first, alice, "alice") as statement:
        assert User.objects.values_list("email").get(pk=alice) == EMAIL[0]
        assert statement.is_confirmed
    with pytest.raises(NotConfirmedError), leading(first, alice, "bob"):
        User.objects.filter(pk=alice).update(name="Changed")
    assert User.objects.get(pk=alice).name != "Changed"
    assert pipelines.executed == 0


@pytest.mark.parametrize("is_logged", [True, False])
def test_wrappers_and_the_log_see_both(
    first: Statement,
    second: Statement,
    alice: str,
    pipelines: Pipelines,
    statements: Capture,
    *,
    is_logged: bool,
) -> None:
    seen: list[str] = []

    def watch(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        seen.append(sql)
        return execute(sql, *more)

    watched = statements() if is_logged else connection.execute_wrapper(watch)
    with leading(first, alice, "alice"), watched as captured:
        assert leading_connection() is None
        assert second.rows({"id": alice}) == EMAIL
    assert [sql.split(" FROM ")[0] for sql in captured or seen] == [
        'SELECT "accounts_user"."username" AS "username"',
        'SELECT "accounts_user"."email" AS "email"',
    ]
    assert pipelines.executed == 0


def test_nothing_leads_in_a_transaction(
    first: Statement, second: Statement, alice: str, pipelines: Pipelines
) -> None:
    with leading(first, alice, "alice"), transaction.atomic():
        assert leading_connection() is None
        assert second.rows({"id": alice}) == EMAIL
    connection.set_autocommit(False)
    try:
        assert leading_connection() is None
    finally:
        connection.set_autocommit(True)
    assert pipelines.executed == 0


def test_nothing_leads_without_prepared_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    assert leading_connection() is None


def test_nothing_leads_before_the_connection_is_open() -> None:
    connection.close()
    assert leading_connection() is None


def test_a_statement_that_is_not_prepared_follows_alone(
    first: Statement, alice: str, pipelines: Pipelines
) -> None:
    once = Statement.of(User.objects.filter(pk=alice).values_list("email"), once=True)
    fresh = Statement.of(User.objects.filter(pk=Param.named("id")).values_list("email", "name"))
    for each in (once, fresh):
        with leading(first, alice, "alice") as statement:
            assert each.rows({"id": alice})[0][0] == EMAIL[0][0]
            assert statement.is_confirmed
    assert pipelines.executed == 0


def test_an_error_of_the_second_is_its_own(
    first: Statement, second: Statement, alice: str, pipelines: Pipelines
) -> None:
    with leading(first, alice, "alice") as statement:
        with pytest.raises(DataError, match="invalid input syntax"):
            second.rows({"id": "no id"})
        assert statement.is_confirmed
        assert second.rows({"id": alice}) == EMAIL
    with pytest.raises(NotConfirmedError), leading(first, alice, "bob"):
        second.rows({"id": "no id"})
    assert pipelines.executed == 2


def test_an_error_of_the_first_is_carried(
    first: Statement, second: Statement, alice: str, pipelines: Pipelines
) -> None:
    on = connections["default"]
    with (
        pytest.raises(NotConfirmedError) as raised,
        LeadingStatement(on, first, {"id": "no id"}, []),
    ):
        second.rows({"id": alice})
    assert isinstance(raised.value.error, DataError)
    assert pipelines.executed == 1
    with (
        pytest.raises(NotConfirmedError) as raised,
        LeadingStatement(on, first, {"id": "no id"}, []),
    ):
        run_leading()
    assert isinstance(raised.value.error, DataError)
    assert second.rows({"id": alice}) == EMAIL


def test_a_timeout_of_either(
    first: Statement, second: Statement, alice: str, pipelines: Pipelines
) -> None:
    """Both wait for a table that another connection has locked."""
    profiles = Statement.of(Profile.objects.filter(user=Param.named("id")).values_list("nickname"))
    profiles.rows({"id": alice})
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 50")
    try:
        with locked_elsewhere("LOCK TABLE accounts_profile"):
            with leading(first, alice, "alice") as statement:
                with pytest.raises(OperationalError) as late:
                    profiles.rows({"id": alice})
                assert statement.is_confirmed
            assert isinstance(late.value.__cause__, QueryCanceled)
            with pytest.raises(NotConfirmedError) as raised, leading(profiles, alice, ""):
                second.rows({"id": alice})
        assert isinstance(raised.value.error, OperationalError)
        assert isinstance(raised.value.error.__cause__, QueryCanceled)
    finally:
        connection.close()
    assert pipelines.executed == 2


@pytest.mark.parametrize("is_prepared", [True, False])
def test_a_lost_connection_is_replaced_once(
    first: Statement, second: Statement, alice: str, pipelines: Pipelines, *, is_prepared: bool
) -> None:
    if not is_prepared:
        second = Statement.of(User.objects.filter(pk=Param.named("id")).values_list("email", "pk"))
    on: Any = connection
    on.health_check_enabled, on.health_check_done = True, False
    terminate(connection.connection.info.backend_pid)
    with leading(first, alice, "alice") as statement:
        assert [row[:1] for row in second.rows({"id": alice})] == EMAIL
        assert statement.is_confirmed
    assert pipelines.executed == 0


def test_a_connection_that_is_lost_later_is_an_error(
    first: Statement, second: Statement, alice: str
) -> None:
    on: Any = connection
    on.health_check_done = True
    terminate(connection.connection.info.backend_pid)
    with (
        pytest.raises(NotConfirmedError) as raised,
        leading(first, alice, "alice"),
        pytest.raises(OperationalError),
    ):
        second.rows({"id": alice})
    assert isinstance(raised.value.error, DatabaseError | InterfaceError)
    connection.close()


@pytest.mark.parametrize("is_first_changed", [True, False])
def test_statements_with_changed_columns_are_prepared_again(
    first: Statement,
    second: Statement,
    alice: str,
    pipelines: Pipelines,
    *,
    is_first_changed: bool,
) -> None:
    changed = Statement.of(Profile.objects.filter(user=Param.named("id")).values_list("nickname"))
    changed.rows({"id": alice})
    before = connection.connection
    with resized_nickname():
        if is_first_changed:
            with leading(changed, alice, ""):
                assert second.rows({"id": alice}) == EMAIL
        else:
            with leading(first, alice, "alice"):
                assert changed.rows({"id": alice}) == [("",)]
    assert pipelines.executed == 1
    assert connection.connection is not before


def test_large_parameters_and_rows(first: Statement, alice: str, pipelines: Pipelines) -> None:
    """Neither side waits for the other with full buffers."""
    replaced = Func("username", "username", Param.named("text"), function="REPLACE")
    echoed = User.objects.filter(pk=Param.named("id")).annotate(
        echo=ExpressionWrapper(replaced, CharField())
    )
    second = Statement.of(echoed.values_list("echo"), text_ids=True)
    second.rows({"id": alice, "text": ""})
    with leading(first, alice, "alice"):
        ((echo,),) = second.rows({"id": alice, "text": "x" * LARGE})
    assert (len(echo), pipelines.executed) == (LARGE, 1)
