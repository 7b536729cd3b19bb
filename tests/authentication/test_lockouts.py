"""Lockouts: recorded once, and lifted by administrators."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_user, node_id
from tests.support.signing_in import THROTTLED, ClientOf, attempt, lock_out, tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session
from users.authentication.throttling import unlock

ADMIN = "/admin/login/"
TOO_MANY = "Too many attempts. Try again later."
UNLOCK = """
    mutation ($user: ID!) {
      unlockUser(input: {userId: $user}) { user { username } errors { code field } }
    }
"""


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.LOG_INS_PER_ACCOUNT = 4


def is_locked(login: str = "alice") -> bool:
    return attempt(login).codes == THROTTLED


def test_lockout_is_recorded_once(alice: User) -> None:
    lock_out()
    for _ in range(5):
        assert is_locked()
    lock_out("unknown")
    throttled = Event.objects.filter(tag=Tag.LOG_IN_THROTTLED).order_by("pk")
    assert list(throttled.values_list("subject_id", "data")) == [(alice.pk, {}), (None, {})]


def test_unlocking_applies_to_all_logins(alice: User, bob: User) -> None:
    for login in ("alice", "alice@example.org", "bob"):
        lock_out(login)
    unlock(alice)
    assert attempt("alice", PASSWORD).problems == []
    assert attempt("alice@example.org", PASSWORD).problems == []
    assert is_locked("bob")
    # The next lockout is recorded again.
    lock_out("alice")
    assert Event.objects.filter(tag=Tag.LOG_IN_THROTTLED, subject_id=alice.pk).count() == 3


def test_administrators_unlock(client_of: ClientOf, root: User, alice: User) -> None:
    lock_out()
    answer = client_of(root)(UNLOCK, user=node_id(alice))
    assert answer.data == {"unlockUser": {"user": {"username": "alice"}, "errors": []}}
    event = Event.objects.latest("pk")
    assert (event.tag, event.subject_id) == (Tag.USER_UNLOCKED, alice.pk)
    assert event.actor_id == root.pk
    assert attempt(password=PASSWORD).problems == []


def test_only_administrators_unlock(
    client_of: ClientOf, sam: User, alice: User, anonymous: GraphQLClient
) -> None:
    lock_out()
    for client, code in (
        (client_of(sam), "FORBIDDEN"),
        (client_of(alice), "FORBIDDEN"),
        (anonymous, "UNAUTHENTICATED"),
    ):
        for user in (node_id(alice), "x"):
            assert client(UNLOCK, user=user).codes == [code]
    assert is_locked()
    assert Tag.USER_UNLOCKED not in tags()


def test_unknown_users_cannot_be_unlocked(client_of: ClientOf, root: User) -> None:
    gone = make_user("gone")
    gone_id = node_id(gone)
    gone.delete()
    for user in (gone_id, "x", node_id(Session(pk=root.pk))):
        assert client_of(root)(UNLOCK, user=user).problems == [("NOT_FOUND", "userId")]
    assert tags() == []


def test_lockout_ends_with_an_emptied_redis(alice: User) -> None:
    lock_out()
    cache.clear()
    assert attempt(password=PASSWORD).problems == []


# The admin's sign-in page ----------------------------------------------------------------


def test_admin_says_that_there_were_too_many_attempts(sam: User) -> None:
    stranger, known = Client(), Client()
    good, bad = {"username": "sam", "password": PASSWORD}, {"username": "sam", "password": "wrong"}
    assert known.post(ADMIN, good).status_code == 302
    assert known.cookies["roster-device"]["httponly"]
    for _ in range(4):
        assert stranger.post(ADMIN, bad).context["form"].errors["__all__"] != [TOO_MANY]
    answer = stranger.post(ADMIN, good)
    assert (answer.status_code, answer.context["form"].errors) == (200, {"__all__": [TOO_MANY]})
    assert "roster" not in stranger.cookies
    assert known.post("/admin/logout/").status_code == 302
    assert known.post(ADMIN, good).status_code == 302
