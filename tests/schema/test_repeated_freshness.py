"""Repeated requests after changes: never the former answer."""

import datetime as dt
import json
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from schema.http.answers.cached import ANSWERS
from tests.support.cached_answers import grow_older
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import (
    make_api_token,
    make_organization,
    make_session,
    make_token,
    node_id,
)
from tests.support.repeats import (
    ME,
    Parsed,
    bearer,
    make_impersonation,
    parse_again,
    warm,
)
from tests.support.wsgi import Request, send
from users.accounts.models import Profile, User
from users.authentication.models import ApiToken, Session
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.sessions.lookups import credential_cache
from users.organizations.models import Organization
from users.scopes import Scope

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

OTHER: Final = """query ($id: ID!) {
  user(id: $id) { name isStaff viewerCanUpdate viewerCanAdminister }
}"""
USERS: Final = "{ users(first: 50, orderBy: {field: USERNAME}) { nodes { username name } } }"
RENAME: Final = """mutation ($name: String!) {
  updateProfile(input: {name: $name}) { errors { code } }
}"""
DESCRIBE: Final = """mutation ($bio: String!) {
  updateProfile(input: {bio: $bio}) { errors { code } }
}"""
MAX_AGE: Final = {"HTTP_CACHE_CONTROL": "max-age=60"}
Change = Callable[[User], Any]


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for each in statements:
            cursor.execute(each)


def assert_fresh(request: Request, change: Callable[[], Any], parsed: Parsed) -> str:
    """Change something; the next equal request gets what it would get first. Return the status."""
    former = warm(request)
    assert parsed.is_repeat(request)
    change()
    found = send(request)
    assert found != former
    credential_cache.clear()
    ANSWERS.clear()
    fresh = parse_again(request)
    assert (fresh.status, fresh.body) == (found.status, found.body)
    return found.status[:3]


def of_session(**values: Any) -> Change:
    return lambda _user: Session.objects.update(**values)


def of_user(**values: Any) -> Change:
    return lambda user: User.objects.filter(pk=user.pk).update(**values)


# Changes, and the status of the next response with an access token, a cookie, an API token; None
# for one that shows no change.
CHANGES: Final[dict[str, tuple[Change, str, str, str | None]]] = {
    "credentials are deleted": (
        lambda _user: (Session.objects.all().delete(), ApiToken.objects.all().delete()),
        *("401", "200", "401"),
    ),
    "credentials are deleted by SQL": (
        lambda _user: execute(
            "DELETE FROM authentication_session", "DELETE FROM authentication_apitoken"
        ),
        *("401", "200", "401"),
    ),
    "user is suspended": (of_user(is_active=False), "401", "200", "401"),
    "user is deleted": (lambda user: user.delete(), "401", "200", "401"),
    "user gets a second factor": (of_user(second_factors=["totp"]), "401", "200", None),
    "name": (of_user(name="New"), "200", "200", "200"),
    "name by SQL": (
        lambda _user: execute("UPDATE accounts_user SET name = 'New'"),
        *("200", "200", "200"),
    ),
    "membership": (lambda user: make_organization("New", user), "200", "200", "200"),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["access token", "cookie", "API token"])
def test_changes_are_seen(
    name: str, kind: int, credentials: dict[str, dict[str, str]], alice: User, parsed: Parsed
) -> None:
    change, *statuses = CHANGES[name]
    request = Request.post(ME, **[*credentials.values()][kind])
    if statuses[kind] is None:
        warm(request)
        change(alice)
        assert not parsed.is_repeat(request)
    else:
        assert assert_fresh(request, partial(change, alice), parsed) == statuses[kind]


ENDS: Final[dict[str, Callable[[User, User], Any]]] = {
    "is deleted": lambda _alice, _root: Session.objects.all().delete(),
    "has expired": lambda _alice, _root: Session.objects.update(expires_at=timezone.now()),
    "administrator is none any more": lambda _alice, root: of_user(is_superuser=False)(root),
    "administrator is suspended": lambda _alice, root: of_user(is_active=False)(root),
    "user becomes staff": lambda alice, _root: of_user(is_staff=True)(alice),
}


@pytest.mark.parametrize("name", ENDS)
def test_ended_impersonations_are_seen(name: str, alice: User, root: User, parsed: Parsed) -> None:
    token = issue_access_token(make_impersonation(alice, root))
    request = Request.post(ME, **bearer(token))
    assert assert_fresh(request, lambda: ENDS[name](alice, root), parsed) == "401"


def test_changed_scopes_are_seen(alice: User) -> None:
    scopes = [Scope.PROFILE_READ, Scope.ORGANIZATIONS_READ]
    request = Request.post(ME, **bearer(make_api_token(alice, *scopes)))
    for fewer in ([Scope.ORGANIZATIONS_READ], scopes, [Scope.PROFILE_READ]):
        former = warm(request)
        ApiToken.objects.update(scopes=[str(each) for each in fewer])
        found = send(request)
        assert parse_again(request) == found
        assert (found == former) is (fewer == [Scope.PROFILE_READ])
    assert found.status == "200 OK"


def test_changed_roles_are_seen(root: User, bob: User, parsed: Parsed) -> None:
    request = Request.post(OTHER, {"id": node_id(bob)}, **bearer(make_token(root)))
    for values in ({"is_superuser": False}, {"is_staff": False}, {"is_superuser": True}):
        change = partial(of_user(**values), root)
        assert assert_fresh(request, change, parsed) == "200"


def test_passed_enrollment_deadlines_are_seen(
    credentials: dict[str, dict[str, str]], alice: User, settings: Any, parsed: Parsed
) -> None:
    """Nothing but the time changes."""
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_SINCE = "all", None
    for kind, credential in credentials.items():
        settings.SECOND_FACTOR_GRACE = dt.timedelta(days=1)
        request = Request.post(ME, **credential)
        former = warm(request)
        assert parsed.is_repeat(request)
        settings.SECOND_FACTOR_GRACE = timezone.now() - alice.date_joined
        found = send(request)
        assert parse_again(request) == found
        # The deadline is not the impersonator's.
        assert (found == former) is (kind == "impersonation")
        assert found == former or b'"me":null' in found.body


def test_expired_access_tokens_are_refused(alice: User, settings: Any, parsed: Parsed) -> None:
    settings.ACCESS_TOKEN_TTL = dt.timedelta(seconds=3)
    request = Request.post(ME, **bearer(make_token(alice)))

    def expire() -> None:
        time.sleep(3.1)

    assert assert_fresh(request, expire, parsed) == "401"


def test_expired_sessions_and_api_tokens_are_refused(alice: User, parsed: Parsed) -> None:
    """In the statement, by its time."""
    soon = timezone.now() + dt.timedelta(seconds=1.5)
    session, secret = make_session(alice), make_api_token(alice, Scope.PROFILE_READ)
    Session.objects.filter(pk=session.pk).update(expires_at=soon)
    ApiToken.objects.update(expires_at=soon)
    requests = [
        Request.post("{ me { id } }", **bearer(token))
        for token in (issue_access_token(session), secret)
    ]
    for each in requests:
        warm(each)
        assert parsed.is_repeat(each)
    time.sleep(max(0.0, (soon - timezone.now()).total_seconds()) + 0.05)
    assert [send(each).status[:3] for each in requests] == ["401", "401"]


def test_uses_are_recorded(
    credentials: dict[str, dict[str, str]], settings: Any, parsed: Parsed
) -> None:
    """Once in `LAST_SEEN_PRECISION`, as those of other requests."""
    requests = [Request.post(ME, **each) for each in credentials.values()]

    def uses() -> list[dt.datetime | None]:
        sessions = Session.objects.order_by("pk").values_list("last_seen_at", flat=True)
        return [*sessions, *ApiToken.objects.values_list("last_used_at", flat=True)]

    for each in requests:
        warm(each)
        assert parsed.is_repeat(each)
    before = uses()
    for each in requests:
        send(each)
    assert uses() == before
    settings.LAST_SEEN_PRECISION = dt.timedelta(0)
    for each in requests:
        assert not parsed.is_repeat(each)
    after = uses()
    assert len(after) == len(before) == 4
    assert all(a and b and a > b for a, b in zip(after, before, strict=True))


def test_changes_are_seen_by_clients_that_have_the_answer(
    credentials: dict[str, dict[str, str]], alice: User, parsed: Parsed
) -> None:
    for number, credential in enumerate(credentials.values()):
        request = Request.get(ME, **credential)
        etag = warm(request).named["ETag"]
        request = request.having(HTTP_IF_NONE_MATCH=etag)
        assert warm(request).status[:3] == "304"
        change = partial(of_user(name=f"New {number}"), alice)
        assert assert_fresh(request, change, parsed) == "200"
        assert warm(request).named["ETag"] != etag


@pytest.mark.parametrize("arguments", [["--drop-all"], ["--drop-user", "alice"]])
def test_dropped_answers_are_computed(arguments: list[str], alice: User, parsed: Parsed) -> None:
    request = Request.post(ME, **bearer(make_token(alice)))
    former = warm(request)
    call_command("cache", *arguments)
    assert not parsed.is_repeat(request)
    assert send(request) == former


# Answers that may be old ------------------------------------------------------------------


def test_own_writes_are_seen(root: User, bob: User, parsed: Parsed) -> None:
    """Whatever age is accepted; those of others are not, until the answer is too old."""
    token = make_token(root)
    request = Request.post(USERS, **MAX_AGE, **bearer(token))
    client = GraphQLClient(token)
    assert_fresh(request, lambda: client(RENAME, name="Root the First"), parsed)
    former = warm(request)
    User.objects.filter(pk=bob.pk).update(name="New")
    assert parsed.is_repeat(request)
    assert send(request).body == former.body
    grow_older(61)
    assert b'"name":"New"' in send(request).body


def test_lost_rights_are_seen_whatever_age_is_accepted(root: User, parsed: Parsed) -> None:
    request = Request.post(
        "{ users(first: 50) { nodes { username email } } }", **MAX_AGE, **bearer(make_token(root))
    )
    change = partial(of_user(is_staff=False, is_superuser=False), root)
    assert_fresh(request, change, parsed)


# Concurrently -----------------------------------------------------------------------------

ORGANIZATION: Final = """query ($id: ID!) {
  organization(id: $id) { members(first: 50) { nodes { user { profile { bio } } } } }
}"""


@pytest.mark.parametrize("seed", range(3))
def test_no_repeat_is_stale(seed: int, alice: User, bob: User, parsed: Parsed) -> None:
    """Readers repeat their requests while others write, and end their sessions at last."""
    club: Organization = make_organization("Club", alice, bob)
    committed = {alice.pk: 0, bob.pk: 0}
    sessions = {user.pk: make_session(user) for user in (alice, bob)}
    ended: set[Any] = set()
    over = threading.Event()

    def write(user: User) -> None:
        rng = random.Random(f"{seed} {user.username}")  # noqa: S311 - not a secret
        client = GraphQLClient(make_token(user))
        for number in range(1, 50):
            if rng.random() < 0.5:
                Profile.objects.filter(user=user).update(bio=str(number))
            else:
                assert client(DESCRIBE, bio=str(number)).problems == []
            committed[user.pk] = number
            time.sleep(rng.random() / 50)
        sessions[user.pk].delete()
        ended.add(user.pk)
        over.set()

    def read(user: User, make: Any, query: str, *, is_fast: bool) -> tuple[int, int]:
        token = issue_access_token(sessions[user.pk])
        request = make(query, {"id": node_id(club)}, **bearer(token))
        accepted = refused = 0
        while len(ended) < 2 or refused < 5:
            has_ended, oldest = user.pk in ended, dict(committed)
            found = send(request, is_fast=is_fast)
            if found.status.startswith("401"):
                refused += 1
                continue
            assert found.status == "200 OK"
            assert not has_ended
            bios = [int(each or 0) for each in _bios(found.body)]
            least = sum(oldest.values()) if query == ORGANIZATION else oldest[user.pk]
            assert sum(bios) >= least
            accepted += 1
        return accepted, refused

    readers = [
        partial(read, user, make, query, is_fast=is_fast)
        for user, make, query, is_fast in (
            (alice, Request.post, ORGANIZATION, True),
            (bob, Request.post, ORGANIZATION, False),
            (alice, Request.get, ORGANIZATION, True),
            (bob, Request.get, "{ me { profile { bio } } }", True),
        )
    ]
    found = run_concurrently(*(partial(write, user) for user in (alice, bob)), *readers)
    answered = [each for each in found if each]
    sent = sum(accepted + refused for accepted, refused in answered)
    # Some were repeats: the writers' mutations were parsed as well.
    assert parsed.count < sent


def _bios(body: bytes) -> list[str]:
    data = json.loads(body)["data"]
    if "me" in data:
        return [data["me"]["profile"]["bio"]]
    return [each["user"]["profile"]["bio"] for each in data["organization"]["members"]["nodes"]]
