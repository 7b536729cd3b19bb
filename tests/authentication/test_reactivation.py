"""Reactivation by administrators and when suspensions expire."""

import pytest
from django.conf import settings as django_settings

from tests.authentication.test_passwords import ClientOf, is_signed_in, log_in
from tests.authentication.test_suspension import (
    REASON,
    UNTIL,
    UNTIL_IN_UTC,
    personal,
    reactivate,
    state,
    suspend,
    suspend_for,
)
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_user
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication import tasks
from users.authentication.models import Suspension


def test_reactivated_user_must_sign_in_again(
    administrator: GraphQLClient, client_of: ClientOf, alice: User, root: User
) -> None:
    former = client_of(alice)
    assert suspend(administrator, alice, until=UNTIL).problems == []

    answer = reactivate(administrator, alice)

    assert answer.data["reactivateUser"]["user"] == {"username": "alice", "isActive": True}
    assert not Suspension.objects.exists()
    assert not is_signed_in(former)
    assert log_in(alice, PASSWORD) == []
    event = Event.objects.get(tag=Tag.USER_REACTIVATED)
    assert (event.actor_id, event.subject_id) == (root.pk, alice.pk)
    assert event.data == {"old_until": UNTIL_IN_UTC}
    assert personal(event) == {"old_reason": REASON}


def test_active_user_is_unchanged(
    administrator: GraphQLClient, client_of: ClientOf, alice: User
) -> None:
    client = client_of(alice)
    before = state()
    assert reactivate(administrator, alice).problems == []
    assert state() == before
    assert is_signed_in(client)


def test_expired_suspensions_are_lifted(
    alice: User, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspend_for(alice, seconds=-1)
    suspend_for(bob, seconds=60)
    User.objects.filter(pk=charlie.pk).update(is_active=False)
    Suspension.objects.create(user=charlie, reason=REASON)

    tasks.lift_suspensions()

    assert list(User.objects.filter(is_active=True)) == [alice]
    assert set(Suspension.objects.values_list("pk", flat=True)) == {bob.pk, charlie.pk}
    event = Event.objects.get()
    assert (event.tag, event.actor_id, event.subject_id) == (Tag.USER_REACTIVATED, None, alice.pk)
    assert event.data.keys() == {"old_until"}
    assert log_in(alice, PASSWORD) == []
    assert log_in(bob, PASSWORD) == [("CREDENTIALS_INVALID", "login")]
    scheduled = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
    assert tasks.lift_suspensions.name in scheduled


def test_suspensions_are_lifted_in_bounded_batches(
    alice: User, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LIFT_BATCH", 2)
    for age, user in enumerate((charlie, bob, alice)):
        suspend_for(user, seconds=-1 - age)
    tasks.lift_suspensions()
    assert Suspension.objects.get().user == charlie
    tasks.lift_suspensions()
    assert not Suspension.objects.exists()
    assert Event.objects.filter(tag=Tag.USER_REACTIVATED).count() == 3


@pytest.mark.parametrize("_time", range(5))
def test_concurrent_lifts_are_recorded_once(transactional_db: None, _time: int) -> None:
    suspend_for(make_user("alice"), seconds=-1)
    run_concurrently(*[tasks.lift_suspensions] * 5)
    assert Event.objects.filter(tag=Tag.USER_REACTIVATED).count() == 1
