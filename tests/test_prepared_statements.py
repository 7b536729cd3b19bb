"""Statements that are run often are parsed once a connection, and logged like any other."""

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from core.statements import Slot, Statement
from tests.client import GraphQLClient
from tests.conftest import Statements
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]
Capture = Callable[[], AbstractContextManager[Statements]]


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_engine_has_statements_prepared_unless_that_is_switched_off(
    client_of: ClientOf, sam: User, statements: Capture, settings: Any, *, enabled: bool
) -> None:
    settings.PREPARED_STATEMENTS = enabled
    size = 37 if enabled else 38
    for _number in range(3):
        with statements() as captured:
            client_of(sam)(f"{{ users(first: {size}) {{ nodes {{ username }} }} }}")

    (page,) = (sql for sql in captured if sql.endswith(f" LIMIT {size + 1}"))
    assert prepared().count(page) == enabled


def test_what_django_runs_is_not_prepared(sam: User) -> None:
    for _number in range(10):
        assert list(User.objects.filter(username="sam")[:39]) == [sam]

    assert [statement for statement in prepared() if statement.endswith(" LIMIT 39")] == []


@pytest.mark.django_db
def test_a_closed_connection_leaves_no_cursors_behind() -> None:
    statement = Statement.of(User.objects.filter(pk=Slot.named("id")).values_list("username"))

    def use() -> weakref.ref[Any]:
        assert list(statement.rows({"id": uuid4()})) == []
        used = weakref.ref(connection.connection)
        connection.close()
        gc.collect()
        return used

    # In a thread of its own, which has a connection of its own.
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(use).result()() is None
