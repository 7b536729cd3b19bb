"""Statements that are run often are parsed once a connection, and logged like any other."""

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, connection, transaction
from django.db.transaction import TransactionManagementError
from psycopg.pq import TransactionStatus

from core.database.roles.owner import as_owner
from engine.sql.statements import Param, Statement
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_user
from users.accounts.models import Profile, User

ClientOf = Callable[[User], GraphQLClient]
Capture = Callable[[], AbstractContextManager[Statements]]


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


@pytest.mark.parametrize("enabled", [True, False])
def test_statements_are_prepared_if_the_connection_has_a_threshold(
    client_key: ClientOf,
    sam: User,
    statements: Capture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    enabled: bool,
) -> None:
    if not enabled:
        monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    size = 37 if enabled else 38
    for _number in range(3):
        with statements() as captured:
            client_key(sam)(f"{{ users(first: {size}) {{ nodes {{ username }} }} }}")

    (page,) = (sql for sql in captured if sql.endswith(f" LIMIT {size + 1}"))
    assert prepared().count(page) == enabled


def test_django_statements_are_not_prepared(sam: User) -> None:
    for _number in range(10):
        assert list(User.objects.filter(username="sam")[:39]) == [sam]

    assert [statement for statement in prepared() if statement.endswith(" LIMIT 39")] == []


@pytest.mark.django_db
def test_a_closed_connection_leaves_no_cursors_behind() -> None:
    statement = Statement.of(User.objects.filter(pk=Param.named("id")).values_list("username"))

    def use() -> weakref.ref[Any]:
        assert list(statement.rows({"id": uuid4()})) == []
        used = weakref.ref(connection.connection)
        connection.close()
        gc.collect()
        return used

    # In a thread of its own, which has a connection of its own.
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(use).result()() is None


@pytest.fixture
def known(sam: User) -> Statement:
    """A statement that the connection has prepared."""
    statement = Statement.of(User.objects.filter(pk=Param.named("id")).values_list("username"))
    assert statement.rows({"id": str(sam.pk)}) == [("sam",)]
    return statement


@pytest.mark.django_db(transaction=True)
def test_prepared_statement_begins_its_transaction(known: Statement, sam: User) -> None:
    connection.set_autocommit(False)
    try:
        assert known.rows({"id": str(sam.pk)}) == [("sam",)]
        status = connection.connection.info.transaction_status
        connection.rollback()
    finally:
        connection.set_autocommit(True)
    assert status == TransactionStatus.INTRANS


@pytest.mark.django_db
def test_prepared_statement_errors_are_django_errors(known: Statement, sam: User) -> None:
    with pytest.raises(DataError, match="invalid input syntax"), transaction.atomic():
        known.rows({"id": "sam"})

    assert known.rows({"id": str(sam.pk)}) == [("sam",)]


@pytest.mark.django_db
def test_a_known_statement_does_not_run_where_a_transaction_is_broken(
    known: Statement, sam: User
) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            known.rows({"id": str(sam.pk)})


@pytest.mark.django_db(transaction=True)
def test_changed_column_prepares_statements_again() -> None:
    """A migration beside running pods changes a column's type, which PostgreSQL refuses once."""
    user = make_user("alice")
    profiles = Profile.objects.filter(user=Param.named("user"))
    statement = Statement.of(profiles.values_list("nickname"))

    def nicknames() -> list[tuple[Any, ...]]:
        return list(statement.rows({"user": user.pk}))

    def resize(length: int) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE accounts_profile ALTER nickname TYPE varchar({length})")

    length = Profile._meta.get_field("nickname").max_length or 0
    assert [nicknames() for _number in range(7)] == [[("",)]] * 7
    before = connection.connection
    with ThreadPoolExecutor(1) as owner:
        owner.submit(resize, length + 1).result()
        try:
            assert nicknames() == [("",)]
            assert connection.connection is not before
        finally:
            owner.submit(resize, length).result()
