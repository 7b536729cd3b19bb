# ruff: noqa: SLF001 - what Django keeps of an instance
"""Prepared statements for single rows do what Django's methods do."""

import datetime as dt
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model, QuerySet
from django.db.transaction import TransactionManagementError

from core.database.ids import new_id
from core.database.rows import PreparedQuery, insert, update
from core.outbox.models import OutboxMessage
from tests.support.client import run_concurrently
from tests.support.factories import make_session, make_user
from users.accounts.models import LastSeen, Profile, User
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, 678_901, dt.UTC)

pytestmark = pytest.mark.django_db


def stored(instance: Model) -> dict[str, Any]:
    """Return the row as PostgreSQL has it."""
    table, key = instance._meta.db_table, instance._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT to_jsonb(row) FROM "{table}" AS row WHERE "{key}" = %s',  # noqa: S608
            [instance.pk],
        )
        return dict(json.loads(cursor.fetchone()[0]))


def new_user(**fields: Any) -> User:
    name = secrets.token_hex(8)
    return User(username=name, email=f"{name}@example.org", **fields)


def new_details() -> EventDetails:
    event = Event.objects.create(tag=Tag.LOGGED_IN)
    return EventDetails(event=event, salt=b"\x00\xff'", values={"name": 'Zoë "', "n": [1, None]})


MAKERS: list[Callable[[], Model]] = [
    lambda: new_user(name="Zoë", is_staff=True, second_factors=["totp", "passkey"]),
    lambda: new_user(email_verified_at=NOW),
    lambda: Profile(user=_saved(new_user()), bio="a 'quoted' \\ text", locale="de"),
    lambda: LastSeen(user=_saved(new_user()), at=NOW),
    lambda: Event(tag=Tag.LOGGED_IN, data={"fields": ["bio"], "at": NOW, "id": new_id()}),
    lambda: Event(tag=Tag.LOGGED_IN, subject_id=new_id(), details_digest=b"\x00\xff"),
    new_details,
    lambda: OutboxMessage(subscriber="x", payload={"event_id": "y"}, dispatch_at=NOW),
    lambda: Session(user=_saved(new_user()), expires_at=NOW, ip="2001:db8::1", methods=["pwd"]),
    lambda: Session(user=_saved(new_user()), expires_at=NOW, cookie_digest=b"\x00" * 32),
    lambda: RefreshToken(session=make_session(_saved(new_user())), digest=b"x", expires_at=NOW),
]


def _saved(user: User) -> User:
    user.save()
    return user


@pytest.mark.parametrize("make", MAKERS)
def test_insert_writes_what_save_writes(make: Callable[[], Model]) -> None:
    instance = make()
    key = instance.pk
    with transaction.atomic():
        insert(instance)
        inserted = stored(instance)
        assert (instance._state.adding, instance._state.db) == (False, "default")
        values = {name: value for name, value in vars(instance).items() if name != "_state"}
        transaction.set_rollback(True)

    instance.pk, instance._state.adding = key, True
    instance.save(force_insert=True)
    # The moment, and the key if PostgreSQL generates it.
    differing = {"created_at"} if key else {"created_at", "id"}
    saved = stored(instance)
    assert {name for name, value in saved.items() if inserted[name] != value} <= differing
    assert {name for name in values if vars(instance)[name] != values[name]} <= differing


def test_insert_of_several_rows_is_one_statement(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    messages = [
        OutboxMessage(subscriber=str(number), payload={}, dispatch_at=NOW) for number in range(3)
    ]
    with django_assert_num_queries(1):
        insert(*messages)

    names = OutboxMessage.objects.in_bulk([message.pk for message in messages])
    assert [names[message.pk].subscriber for message in messages] == ["0", "1", "2"]


@pytest.mark.parametrize("bio", ["", "other", "a 'quoted' \\ text"])
def test_update_writes_the_named_fields(alice: User, bio: str) -> None:
    profile = Profile.objects.get(user=alice)
    profile.bio, profile.locale = bio, "de"
    update(profile, ["bio"])

    profile.refresh_from_db()
    assert (profile.bio, profile.locale) == (bio, "en")


def test_update_takes_nulls_and_arrays(alice: User) -> None:
    for factors, moment in ((["totp"], NOW), ([], None), (["passkey", "totp"], NOW)):
        alice.second_factors, alice.email_verified_at = factors, moment
        update(alice, ["second_factors", "email_verified_at"])
        read = User.objects.get(pk=alice.pk)
        assert (read.second_factors, read.email_verified_at) == (factors, moment)


def test_update_of_a_missing_row_is_an_error(alice: User) -> None:
    profile = Profile.objects.get(user=alice)
    Profile.objects.filter(user=alice).delete()

    with pytest.raises(DatabaseError, match="does not exist"):
        update(profile, ["bio"])


def test_constraints_are_djangos_errors(alice: User) -> None:
    with pytest.raises(IntegrityError, match="user_email_unique"), transaction.atomic():
        insert(User(username="other", email=alice.email))
    assert User.objects.filter(email=alice.email).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_caught_error_still_rolls_back() -> None:
    alice, missing = make_user("alice"), new_user()
    writes: list[Callable[[], object]] = [
        lambda: insert(User(username="other", email=alice.email)),
        lambda: update(missing, ["name"]),
    ]
    committed: list[bool] = []
    for write in writes:
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(True))
            with pytest.raises(DatabaseError):
                write()
    assert committed == []


@PreparedQuery
def session_for_update(session_id: Any) -> QuerySet[Session]:
    return Session.objects.for_update().filter(pk=session_id)


@PreparedQuery
def user_named(username: Any, is_active: Any) -> QuerySet[User]:
    return User.objects.filter(username=username, is_active=is_active).only("name")


def test_instances_are_those_of_django(
    alice: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    session = make_session(alice)
    expected = Session.objects.for_update().get(pk=session.pk)
    for _time in range(2):
        with django_assert_num_queries(1):
            found = session_for_update.get(session.pk)
            for each, other in ((found, expected), (found.user, expected.user)):
                values = [
                    {key: value for key, value in vars(it).items() if key != "_state"}
                    for it in (each, other)
                ]
                assert values[0] == values[1]
                assert (each._state.adding, each._state.db) == (False, "default")
    partial = user_named.get("alice", True)
    assert partial.get_deferred_fields() == User.objects.only("name").get().get_deferred_fields()


def test_parameters_differ_between_executions(alice: User, bob: User) -> None:
    found = [user_named.first(name, True) for name in ("alice", "bob", "missing", "alice")]  # noqa: FBT003
    assert found == [alice, bob, None, alice]
    with pytest.raises(User.DoesNotExist):
        user_named.get("missing", True)


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_nothing_is_locked() -> None:
    session = make_session(make_user("alice"))
    with pytest.raises(TransactionManagementError):
        session_for_update.first(session.pk)


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_each_write_has_its_own() -> None:
    alice, bob = make_user("alice"), new_user()
    insert(bob)
    alice.name = "Alice"
    update(alice, ["name"])
    with pytest.raises(IntegrityError):
        insert(bob)
    assert not connection.in_atomic_block
    assert User.objects.get(pk=alice.pk).name == "Alice"
    assert User.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_locked_rows_are_read_after_the_wait() -> None:
    """No update of concurrent transactions is lost."""
    session = make_session(make_user("alice"))

    def count() -> None:
        # Prepared with the first execution on a connection.
        for _time in range(4):
            with transaction.atomic():
                found = session_for_update.get(session.pk)
                found.user_agent += "x"
                update(found, ["user_agent"])

    run_concurrently(*[count] * 6)
    session.refresh_from_db()
    assert session.user_agent == "x" * 24
