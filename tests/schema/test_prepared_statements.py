"""Roster's statements are prepared, and again after a migration."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection

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
    client_of: ClientOf,
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
            client_of(sam)(f"{{ users(first: {size}) {{ nodes {{ username }} }} }}")

    (page,) = (sql for sql in captured if sql.endswith(f" LIMIT {size + 1}"))
    assert prepared().count(page) == enabled


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
