"""Writes that wait for COMMIT, when time-outs, lost connections and others interrupt them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import (
    NotSupportedError,
    OperationalError,
    connection,
    transaction,
)
from psycopg.errors import QueryCanceled

from core.database.rows import insert, update
from core.database.transactions import pipelined
from tests.support.client import run_concurrently
from tests.support.other_connections import (
    connection_to_terminate,
    locked_elsewhere,
    resized_nickname,
    terminate,
)
from tests.support.pipelined_writes import (
    UNCHANGED,
    new_event,
    prepared_profile,
    profile_of,
    user_for_update,
    write,
    written,
)
from users.accounts.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def profile() -> Profile:
    return prepared_profile()


@pytest.mark.parametrize("table", ["accounts_user", "accounts_profile"])
def test_a_timeout_of_a_lock_commits_nothing(profile: Profile, table: str) -> None:
    """Of the user it waits with BEGIN, of the profile with COMMIT."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 50")
    try:
        with (
            locked_elsewhere(f"SELECT FROM {table} FOR UPDATE"),
            pytest.raises(OperationalError) as late,
        ):
            write(profile, "new")
        assert isinstance(late.value.__cause__, QueryCanceled)
        assert written() == UNCHANGED
        write(profile, "later")
    finally:
        connection.close()
    assert written() == ("later", 2, 2)


@pytest.mark.parametrize("waiting", [0, 2])
def test_a_connection_that_is_lost_commits_nothing(profile: Profile, waiting: int) -> None:
    with pytest.raises(OperationalError), pipelined():  # noqa: PT012 - by either
        user_for_update.get(profile.pk)
        for _number in range(waiting):
            insert(new_event())
        terminate(connection.connection.info.backend_pid)
        if not waiting:
            profile_of.get(profile.pk)
    assert written() == UNCHANGED
    write(profile, "on a new one")
    assert written() == ("on a new one", 2, 2)


def test_an_error_means_that_nothing_was_committed(profile: Profile) -> None:
    """The connection may be lost after the success of COMMIT has arrived."""
    called: list[str] = []
    with ThreadPoolExecutor(1) as other, connection_to_terminate() as terminate_soon:
        for number in range(150):
            # Prepares the statements of a new connection.
            write(profile, "before")
            bio, pid = str(number), connection.connection.info.backend_pid
            terminated = other.submit(terminate_soon, number % 50 / 50_000, pid)
            is_committed = True
            try:
                with pipelined():
                    profile.bio = bio
                    update(profile, ["bio"])
                    transaction.on_commit(partial(called.append, bio))
            except OperationalError:
                is_committed = False
            terminated.result()
            connection.close()
            assert (Profile.objects.get(pk=profile.pk).bio == bio) is is_committed
            assert (bio in called) is is_committed


def test_statements_with_changed_columns_are_prepared_again(profile: Profile) -> None:
    with resized_nickname():
        with pytest.raises(NotSupportedError):
            write(profile, "new")
        assert connection.close_at == 0.0
        connection.close_if_unusable_or_obsolete()
        write(profile, "new")
    assert written() == ("new", 2, 2)


def test_no_update_of_concurrent_transactions_is_lost(profile: Profile) -> None:
    def append() -> None:
        # Prepared with the first execution on a connection.
        for _time in range(4):
            with pipelined():
                user_for_update.get(profile.pk)
                found = profile_of.get(profile.pk)
                found.bio += "x"
                update(found, ["bio"])
                insert(new_event())

    run_concurrently(*[append] * 6)
    assert written() == ("x" * 24, 25, 1)
