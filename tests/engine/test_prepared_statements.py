"""Statements that are run often are parsed once a connection, and logged like any other."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, connection, transaction
from django.db.transaction import TransactionManagementError
from psycopg.pq import TransactionStatus

from engine.sql.statements import Param, Statement

# A table of Django's, which other connections see.
ROWS: Final = ContentType.objects.filter(pk=Param.named("id")).values_list("model")


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.django_db
def test_statements_are_prepared_if_the_connection_has_a_threshold(
    monkeypatch: pytest.MonkeyPatch, *, enabled: bool
) -> None:
    if not enabled:
        monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    size = 37 if enabled else 38
    statement = Statement.of(ROWS[:size])
    for _number in range(3):
        statement.rows({"id": "1"})

    pages = [sql for sql in prepared() if sql.endswith(f" LIMIT {size}")]
    assert len(pages) == enabled


@pytest.mark.django_db
def test_django_statements_are_not_prepared() -> None:
    known = ContentType.objects.earliest("pk")
    for _number in range(10):
        assert list(ContentType.objects.filter(pk=known.pk)[:39]) == [known]

    assert [statement for statement in prepared() if statement.endswith(" LIMIT 39")] == []


@pytest.mark.django_db
def test_a_closed_connection_leaves_no_cursors_behind() -> None:
    statement = Statement.of(ROWS)

    def use() -> weakref.ref[Any]:
        assert list(statement.rows({"id": 0})) == []
        used = weakref.ref(connection.connection)
        connection.close()
        gc.collect()
        return used

    # In a thread of its own, which has a connection of its own.
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(use).result()() is None


@pytest.fixture
def model() -> ContentType:
    """A row."""
    return ContentType.objects.earliest("pk")


@pytest.fixture
def known(model: ContentType) -> Statement:
    """A statement that the connection has prepared."""
    statement = Statement.of(ROWS)
    assert statement.rows({"id": str(model.pk)}) == [(model.model,)]
    return statement


@pytest.mark.django_db(transaction=True)
def test_prepared_statement_begins_its_transaction(known: Statement, model: ContentType) -> None:
    connection.set_autocommit(False)
    try:
        assert known.rows({"id": str(model.pk)}) == [(model.model,)]
        status = connection.connection.info.transaction_status
        connection.rollback()
    finally:
        connection.set_autocommit(True)
    assert status == TransactionStatus.INTRANS


@pytest.mark.django_db
def test_prepared_statement_errors_are_django_errors(known: Statement, model: ContentType) -> None:
    with pytest.raises(DataError, match="invalid input syntax"), transaction.atomic():
        known.rows({"id": "sam"})

    assert known.rows({"id": str(model.pk)}) == [(model.model,)]


@pytest.mark.django_db
def test_a_known_statement_does_not_run_where_a_transaction_is_broken(
    known: Statement, model: ContentType
) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            known.rows({"id": str(model.pk)})
