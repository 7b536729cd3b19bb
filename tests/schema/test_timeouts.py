"""Statement timeouts: cancelled by PostgreSQL, and reported as `QUERY_TIMEOUT`."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from tests.support.client import GraphQLClient
from tests.support.factories import make_token, make_user
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]


def test_every_connection_has_timeouts(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("5s",)


def test_slow_statement_is_a_typed_error_and_the_next_one_works(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    client = GraphQLClient(make_token(make_user("sam", is_staff=True)))

    def slowly(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        if "ORDER BY" in sql and "LIMIT 4" in sql:
            execute("SET statement_timeout = 20", None, many, context)
            return execute("SELECT pg_sleep(10)", None, many, context)
        return execute(sql, params, many, context)

    people = "{ users(first: 3) { edges { node { username } } } }"
    try:
        with connection.execute_wrapper(slowly):
            answer = client(people)
        assert (answer.status, answer.codes, answer.body["data"]) == (200, ["QUERY_TIMEOUT"], None)
        assert "pg_sleep" not in str(answer.body)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert len(client(people).data["users"]["edges"]) == 1
    finally:
        connection.close()
