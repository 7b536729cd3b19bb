"""Versions change with commits, never repeat, and hold up no writer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection, transaction

from core.database.roles.owner import as_owner
from core.versions.models import VersionPart
from core.versions.touches import (
    without_touches,
)
from tests.support.client import run_concurrently
from tests.support.factories import make_organization, make_user
from tests.support.versions import service_connection, version, version_in
from tests.support.waiting import during
from users.accounts.models import Profile, User
from users.organizations.models import Membership, Organization

WRITERS = 16
SET_BIO = "UPDATE accounts_profile SET bio = %s WHERE user_id = %s"
SET_NAME = "UPDATE accounts_user SET name = %s WHERE id = %s"
TOUCH = "SELECT touch_entities(%s)"
FIRST, SECOND = UUID(int=1), UUID(int=2)


def touch(*entities: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TOUCH, [list(entities)])


@pytest.fixture
def members(transactional_db: None) -> tuple[Organization, list[User]]:
    users = [make_user(f"member-{number}") for number in range(WRITERS)]
    return make_organization("Members", *users), users


@pytest.fixture
def connections() -> Iterator[Callable[..., psycopg.Connection[Any]]]:
    """Open connections as the service; they are closed after the test."""
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(service_connection(**settings))


# The version -----------------------------------------------------------------------------


def test_a_version_changes_with_each_of_its_entities(db: None) -> None:
    assert version() == version(FIRST, SECOND) == 0
    seen = {0}
    for number in range(20):
        with transaction.atomic():
            touch(FIRST if number % 2 else SECOND)
        seen.add(version(FIRST, SECOND))
        VersionPart.objects.all().delete()

    assert len(seen) == 21


def test_a_version_is_that_of_a_set(db: None) -> None:
    touch(FIRST, SECOND)

    assert version(FIRST, SECOND) == version(SECOND, FIRST, FIRST)
    assert version(FIRST, SECOND) == version(FIRST) ^ version(SECOND)
    assert len({version(FIRST), version(SECOND), version(FIRST, SECOND), 0}) == 4


@pytest.mark.usefixtures("transactional_db")
def test_a_transaction_touches_an_entity_once() -> None:
    seen = []
    with transaction.atomic():
        for _time in range(3):
            touch(FIRST)
            touch(SECOND, FIRST)
            seen.append(version(FIRST))
    with transaction.atomic():
        touch(FIRST)

    assert len({0, *seen}) == 2
    assert version(FIRST) not in seen
    assert VersionPart.objects.count() == 2


@pytest.mark.usefixtures("transactional_db")
def test_a_rollback_restores_the_version() -> None:
    touch(FIRST)
    before = version(FIRST)
    with transaction.atomic():
        touch(FIRST, SECOND)
        assert version(FIRST) != before
        transaction.set_rollback(True)

    assert (version(FIRST), version(SECOND)) == (before, 0)


@pytest.mark.usefixtures("transactional_db")
def test_a_rollback_to_a_savepoint_restores_the_version() -> None:
    user = make_user("alice")
    before = version(user.pk)
    with transaction.atomic():
        with transaction.atomic():
            Profile.objects.filter(user=user).update(bio="lost")
            transaction.set_rollback(True)
        assert version(user.pk) == before
        with transaction.atomic():
            Profile.objects.filter(user=user).update(bio="kept")
        kept = version(user.pk)

    assert version(user.pk) == kept != before


@pytest.mark.usefixtures("transactional_db")
def test_a_change_after_a_rollback_to_a_savepoint_is_not_lost() -> None:
    with transaction.atomic():
        with transaction.atomic():
            touch(FIRST)
            transaction.set_rollback(True)
        touch(FIRST)

    assert version(FIRST) != 0


@pytest.mark.parametrize("exists", [False, True], ids=["first change", "later change"])
@pytest.mark.usefixtures("transactional_db")
def test_versions_do_not_return_after_lost_transactions(*, exists: bool) -> None:
    user = make_user("alice")
    if not exists:
        VersionPart.objects.all().delete()
    rows, stored = list(VersionPart.objects.values()), version(user.pk)
    seen = {stored}
    for _loss in range(3):
        User.objects.filter(pk=user.pk).update(name="lost")
        seen.add(version(user.pk))
        # A restore, or a failover to a standby that lags behind, has the rows of before.
        with without_writes_of_triggers():
            User.objects.filter(pk=user.pk).update(name="")
            VersionPart.objects.all().delete()
            VersionPart.objects.bulk_create(VersionPart(**row) for row in rows)
        assert version(user.pk) == stored

    assert len(seen) == 4


def without_writes_of_triggers() -> Any:
    """Write as the owner, without triggers."""
    stack = ExitStack()
    stack.enter_context(as_owner())
    stack.enter_context(transaction.atomic())
    stack.enter_context(without_touches([User]))
    return stack


# Concurrency -----------------------------------------------------------------------------


def test_writers_of_one_organisation_do_not_wait(
    members: tuple[Organization, list[User]],
    connections: Callable[..., psycopg.Connection[Any]],
) -> None:
    organization, users = members
    before = version(organization.pk)
    writers = [connections() for _user in users]
    for number, (writer, user) in enumerate(zip(writers, users, strict=True)):
        table = (SET_BIO, SET_NAME)[number % 2]
        writer.execute(table, ["new", user.pk])

    # All have touched the organisation, and none has committed.
    assert version(organization.pk) == before
    seen = {before}
    for writer in writers:
        writer.commit()
        seen.add(version(organization.pk))

    assert len(seen) == WRITERS + 1
    assert VersionPart.objects.filter(entity=organization.pk).count() == WRITERS


def test_parts_are_used_again(
    members: tuple[Organization, list[User]],
    connections: Callable[..., psycopg.Connection[Any]],
) -> None:
    organization, users = members
    for _time in range(3):
        pair = [connections() for _number in range(2)]
        for writer, user in zip(pair, users, strict=False):
            writer.execute(SET_BIO, [str(uuid4()), user.pk])
        for writer in pair:
            writer.commit()

    assert VersionPart.objects.filter(entity=organization.pk).count() == 2


def test_threads_write_at_the_same_time(members: tuple[Organization, list[User]]) -> None:
    organization, users = members
    written = Barrier(WRITERS)

    def write(user: User) -> None:
        with transaction.atomic():
            Profile.objects.filter(user=user).update(bio="new")
            # Passed only if no writer waits for another's commit.
            written.wait(timeout=30)

    before = version(organization.pk)
    run_concurrently(*(lambda user=user: write(user) for user in users))

    assert version(organization.pk) != before
    assert Profile.objects.filter(bio="new").count() == WRITERS


@pytest.mark.usefixtures("transactional_db")
def test_opposite_orders_do_not_deadlock(
    connections: Callable[..., psycopg.Connection[Any]],
) -> None:
    for _time in range(2):
        one, other = connections(), connections()
        one.execute(TOUCH, [[FIRST]])
        other.execute(TOUCH, [[SECOND]])
        one.execute(TOUCH, [[SECOND]])
        other.execute(TOUCH, [[FIRST]])
        one.commit()
        other.commit()

    assert VersionPart.objects.count() == 4


@pytest.mark.usefixtures("transactional_db")
def test_many_threads_touch_many_entities_without_errors() -> None:
    entities = [uuid4() for _number in range(6)]

    def write(number: int) -> None:
        order = entities[number % 6 :] + entities[: number % 6]
        for _time in range(20):
            with transaction.atomic():
                for entity in order if number % 2 else reversed(order):
                    touch(entity)

    run_concurrently(*(lambda n=number: write(n) for number in range(8)))

    parts = VersionPart.objects.count()
    assert len(entities) <= parts <= 8 * len(entities)


def test_a_snapshot_has_the_version_of_its_data(
    members: tuple[Organization, list[User]],
    connections: Callable[..., psycopg.Connection[Any]],
) -> None:
    organization, (user, *_rest) = members
    old, new = (
        connections(default_transaction_isolation="repeatable\\ read") for _reader in range(2)
    )

    def read(reader: psycopg.Connection[Any]) -> tuple[str, int]:
        row = reader.execute(
            "SELECT bio FROM accounts_profile WHERE user_id = %s", [user.pk]
        ).fetchone()
        assert row is not None
        return row[0], version_in(reader, organization.pk, user.pk)

    before = read(old)
    writer = connections()
    writer.execute(SET_BIO, ["new", user.pk])
    assert read(old) == before
    writer.commit()

    after = read(new)
    assert read(old) == before
    assert (before[0], after[0]) == ("", "new")
    assert before[1] != after[1] == version(organization.pk, user.pk)


CHANGES: list[Callable[[], object]] = [
    lambda: User.objects.update(name="new"),
    lambda: Profile.objects.update(bio="new"),
]


@pytest.mark.parametrize("change", CHANGES, ids=["user", "profile"])
@pytest.mark.usefixtures("transactional_db")
def test_joining_waits_for_a_change_that_does_not_see_it(change: Callable[[], object]) -> None:
    """Otherwise, an answer with the membership and the old user would never expire."""
    user, organization = make_user("alice"), make_organization("Archers")
    before = version(organization.pk)

    during(change, lambda: Membership.objects.create(organization=organization, user=user))

    after = version(organization.pk)
    assert after != before
    assert (User.objects.get().name, Profile.objects.get().bio).count("new") == 1


@pytest.mark.parametrize("change", CHANGES, ids=["user", "profile"])
@pytest.mark.usefixtures("transactional_db")
def test_a_change_that_waits_for_joining_touches_the_organisation(
    change: Callable[[], object],
) -> None:
    user, organization = make_user("alice"), make_organization("Archers")
    seen = []

    def join() -> None:
        Membership.objects.create(organization=organization, user=user)
        seen.append(version(organization.pk))

    during(join, change)

    assert version(organization.pk) not in seen


def test_a_change_of_role_locks_no_user(
    members: tuple[Organization, list[User]],
    connections: Callable[..., psycopg.Connection[Any]],
) -> None:
    _organization, (user, *_rest) = members
    holder, other = connections(), connections()
    holder.execute("SELECT FROM accounts_user WHERE id = %s FOR UPDATE", [user.pk])

    other.execute("UPDATE organizations_membership SET role = 'owner'")
    other.rollback()
    other.execute("DELETE FROM organizations_membership")
