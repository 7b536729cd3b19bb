"""Deadlines: operations are cancelled, and executed mutations are reported."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from engine.deadline import Deadline
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_organization, make_token, make_user
from users.accounts.models import Profile, User
from users.activity.models import Event

Execute = Callable[..., Any]

RENAME = """mutation { updateProfile(input: {bio: "Hello"}) {
  user { username profile { bio } } errors { code } } }"""


def deadline() -> Deadline:
    """Return the deadline of the current request."""
    (found,) = [each for each in connection.execute_wrappers if isinstance(each, Deadline)]
    return found


@contextmanager
def before_each(act: Callable[[str], None]) -> Iterator[list[str]]:
    """Call a function before each statement; yield the statements."""
    seen: list[str] = []

    def wrapper(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        seen.append(sql)
        act(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield seen


@contextmanager
def slow(is_slow: Callable[[str], bool]) -> Iterator[list[str]]:
    """Make a statement take ten seconds, close to the deadline."""
    seen: list[str] = []

    def wrapper(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        seen.append(sql)
        if not is_slow(sql):
            return execute(sql, params, many, context)
        deadline().ends_at = monotonic() + 0.1
        return execute("SELECT pg_sleep(10)", None, many, context)

    with connection.execute_wrapper(wrapper):
        yield seen


def pass_deadline() -> None:
    deadline().ends_at = monotonic()


@pytest.fixture
def client(transactional_db: None) -> GraphQLClient:
    return GraphQLClient(make_token(make_user("sam", is_staff=True)))


def timeouts_of(statements: int, *, is_near: bool) -> list[str]:
    """Return PostgreSQL's timeout of several statements, in and out of a transaction."""
    found: list[str] = []
    with Deadline(20, 30 if is_near else 5), connection.cursor() as cursor:
        for _number in range(statements):
            cursor.execute("SHOW statement_timeout")
            found += cursor.fetchone() or ()
    return found


def test_statement_timeout_is_set_near_the_deadline(
    transactional_db: None,
) -> None:
    assert timeouts_of(2, is_near=False) == ["5s", "5s"]
    first, second = (int(each.removesuffix("ms")) for each in timeouts_of(2, is_near=True))
    assert 5_000 < second <= first < 20_000
    # `SET LOCAL` ended with the transaction.
    assert not connection.in_atomic_block
    assert timeouts_of(1, is_near=False) == ["5s"]
    assert connection.execute_wrappers == []


def test_query_over_its_deadline_is_one_typed_error(
    client: GraphQLClient, executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    make_organization("Archers", User.objects.get())
    people = (
        "{ users(first: 3) { nodes { id memberships(first: 2) { nodes { role } } } } me { id } }"
    )

    def last(sql: str) -> bool:
        return "ORDER BY" in sql and "LIMIT 4" in sql

    with slow(last) as statements:
        answer = executor(lambda: client(people))
    assert (answer.status, answer.codes) == (200, ["QUERY_TIMEOUT"])
    assert answer.body["data"] is None
    # No statement starts after the deadline.
    assert last(statements[-1])
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert len(client(people).data["users"]["nodes"]) == 1


def test_deadline_is_checked_between_steps(client: GraphQLClient, executor: Executor) -> None:
    document = "{ me { id activeSessionCount memberships(first: 1) { nodes { role } } } }"

    def late(sql: str) -> None:
        if "accounts_user" in sql and "authentication_session" not in sql:
            pass_deadline()

    with before_each(late):
        answer = executor(lambda: client(document))
    assert (answer.codes, answer.body["data"]) == (["QUERY_TIMEOUT"], None)


def test_mutation_over_its_deadline_is_rolled_back_and_says_so(
    client: GraphQLClient, executor: Executor
) -> None:
    with slow(lambda sql: sql.startswith('INSERT INTO "activity')) as statements:
        answer = executor(lambda: client(RENAME))
    assert any('UPDATE "accounts_profile"' in sql for sql in statements)
    assert (answer.status, answer.codes, answer.body["data"]) == (200, ["QUERY_TIMEOUT"], None)
    (error,) = answer.body["errors"]
    assert error["path"] == ["updateProfile"]
    assert error["message"].endswith("Nothing was changed. Try again.")
    assert Profile.objects.get().bio == ""
    assert not Event.objects.filter(tag__contains="profile").exists()


def test_mutation_cancelled_between_two_statements_is_rolled_back(
    client: GraphQLClient, executor: Executor
) -> None:
    def late(sql: str) -> None:
        if 'UPDATE "accounts_profile"' in sql:
            pass_deadline()

    with before_each(late):
        answer = executor(lambda: client(RENAME))
    assert (answer.codes, answer.body["data"]) == (["QUERY_TIMEOUT"], None)
    assert "Nothing was changed" in answer.body["errors"][0]["message"]
    assert Profile.objects.get().bio == ""


def test_late_answer_says_what_was_committed(client: GraphQLClient, executor: Executor) -> None:
    changed: list[str] = []

    def reads_payload(sql: str) -> bool:
        changed.extend([sql] if 'UPDATE "accounts_profile"' in sql else [])
        return bool(changed) and not connection.in_atomic_block

    with slow(reads_payload):
        answer = executor(lambda: client(RENAME))
    assert answer.body["data"] == {"updateProfile": {"user": None, "errors": []}}
    assert answer.codes == ["QUERY_TIMEOUT"]
    (error,) = answer.body["errors"]
    assert error["path"] == ["updateProfile", "user"]
    assert Profile.objects.get().bio == "Hello"


def test_late_mutation_is_not_started(client: GraphQLClient, executor: Executor) -> None:
    def late(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        result = execute(sql, params, many, context)
        pass_deadline()
        return result

    with connection.execute_wrapper(late), before_each(lambda _sql: None) as statements:
        answer = executor(lambda: client(RENAME))
    assert (answer.codes, answer.body["data"]) == (["QUERY_TIMEOUT"], None)
    assert "Nothing was changed" in answer.body["errors"][0]["message"]
    assert [sql for sql in statements if "accounts_profile" in sql] == []


def test_slow_credential_lookup_is_not_a_server_error(client: GraphQLClient) -> None:
    with slow(lambda sql: "authentication_session" in sql):
        answer = client("{ me { id } }")
    assert (answer.status, answer.codes) == (503, ["QUERY_TIMEOUT"])
    assert answer.headers["Retry-After"] == "1"
    assert client("{ me { id } }").codes == []


def test_pages_have_a_deadline_too(client: GraphQLClient) -> None:
    pages = Client()

    def late(sql: str) -> None:
        pass_deadline()

    pages.cookies["roster"] = "unknown"
    with before_each(late):
        assert pages.get("/admin/").status_code == 503
    assert pages.get("/admin/").status_code == 302
