"""Rotating API tokens: successors and overlaps."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from tests.support.api_tokens import assert_dead, rotate
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_api_token, make_user, node_id
from tests.support.signing_in import ALICE, ME, ClientOf, tags
from tests.support.sink import Sink
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import ApiToken
from users.authentication.tasks import mail_api_token_created


def expire(token: ApiToken) -> None:
    """Age the token until it expires."""
    now = timezone.now()
    ApiToken.objects.filter(pk=token.pk).update(
        created_at=now - dt.timedelta(days=1), expires_at=now
    )


def test_rotated_token_works(client_of: ClientOf, alice: User) -> None:
    old_secret = make_api_token(alice, "profile:read", "users:read", days=30, name="CI")
    old = ApiToken.objects.get()
    before = timezone.now()
    payload = rotate(client_of(alice), old, overlapMinutes=30).data["rotateApiToken"]
    assert payload["errors"] == []
    assert payload["apiToken"]["name"] == "CI"
    assert payload["apiToken"]["scopes"] == ["PROFILE_READ", "USERS_READ"]
    expires = dt.datetime.fromisoformat(payload["apiToken"]["expiresAt"])
    assert abs(expires - before - dt.timedelta(days=30)) < dt.timedelta(minutes=1)
    old.refresh_from_db()
    assert old.rotated_at is not None
    assert old.expires_at == old.rotated_at + dt.timedelta(minutes=30)
    new_secret = payload["secret"]
    assert new_secret != old_secret
    for secret in (old_secret, new_secret):
        assert GraphQLClient(secret)(ME).data == ALICE
    expire(old)
    assert_dead(old_secret)
    assert GraphQLClient(new_secret)(ME).data == ALICE


def test_event_names_both_tokens(client_of: ClientOf, alice: User) -> None:
    make_api_token(alice, "profile:read")
    old = ApiToken.objects.get()
    rotate(client_of(alice), old)
    new = ApiToken.objects.exclude(pk=old.pk).get()
    event = Event.objects.get()
    assert event.tag == "token:api_token:rotate"
    assert (event.data["old"], event.data["token"]) == (str(old.pk), str(new.pk))
    assert event.data["scopes"] == ["profile:read"]
    assert event.personal_values["name"] == "CI"


def test_owner_is_notified_by_mail(client_of: ClientOf, alice: User, mails: Sink) -> None:
    User.objects.update(email_verified_at=timezone.now())
    make_api_token(alice, "profile:read", name="Nightly report")
    answer = rotate(client_of(alice), ApiToken.objects.get())
    mail_api_token_created(str(Event.objects.get().pk))
    mail = mails.next()
    assert (mail["To"], mail["Subject"]) == (alice.email, "A new API token for your account")
    text = mail.as_string()
    assert "Nightly report" in text
    assert answer.data["rotateApiToken"]["secret"][11:] not in text


def test_without_overlap_the_old_token_expires_immediately(
    client_of: ClientOf, alice: User
) -> None:
    secret = make_api_token(alice, "profile:read")
    answer = rotate(client_of(alice), ApiToken.objects.get(), overlapMinutes=0)
    assert_dead(secret)
    assert GraphQLClient(answer.data["rotateApiToken"]["secret"])(ME).data == ALICE


def test_overlap_never_extends_the_old_token(client_of: ClientOf, alice: User) -> None:
    make_api_token(alice, "profile:read", days=1)
    old = ApiToken.objects.get()
    assert rotate(client_of(alice), old, overlapMinutes=10_080).problems == []
    assert ApiToken.objects.get(pk=old.pk).expires_at == old.expires_at


def test_current_maximum_lifetime_applies_to_the_new_token(
    client_of: ClientOf, alice: User, settings: Any
) -> None:
    make_api_token(alice, "profile:read", days=300)
    settings.API_TOKEN_MAX_DAYS = 10
    rotate(client_of(alice), ApiToken.objects.get())
    new = ApiToken.objects.get(rotated_at=None)
    assert new.expires_at - new.created_at <= dt.timedelta(days=10)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"overlapMinutes": -1}, ("VALUE_INVALID", "overlapMinutes")),
        ({"overlapMinutes": 10_081}, ("VALUE_INVALID", "overlapMinutes")),
        ({"overlapMinutes": 2**31 - 1}, ("VALUE_INVALID", "overlapMinutes")),
        ({"password": "not the password"}, ("PASSWORD_WRONG", "password")),
        ({"tokenId": "x"}, ("NOT_FOUND", "tokenId")),
    ],
    ids=str,
)
def test_refused_rotation_keeps_the_token(
    client_of: ClientOf, alice: User, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    make_api_token(alice, "profile:read")
    before = ApiToken.objects.values().get()
    assert rotate(client_of(alice), ApiToken.objects.get(), **changes).problems == [problem]
    assert ApiToken.objects.values().get() == before
    assert "token:api_token:rotate" not in tags()


def test_token_has_one_successor(client_of: ClientOf, alice: User) -> None:
    make_api_token(alice, "profile:read")
    old = ApiToken.objects.get()
    assert rotate(client_of(alice), old).problems == []
    assert rotate(client_of(alice), old).problems == [("TOKEN_INVALID", "tokenId")]
    new = ApiToken.objects.get(rotated_at=None)
    assert rotate(client_of(alice), new).problems == []
    assert ApiToken.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_concurrent_rotations_create_one_token(client_of: ClientOf) -> None:
    alice = make_user("alice")
    make_api_token(alice, "profile:read")
    old, client = ApiToken.objects.get(), client_of(alice)
    answers = run_concurrently(*[lambda: rotate(GraphQLClient(client.token), old)] * 2)
    assert sorted(answer.problems for answer in answers) == [[], [("TOKEN_INVALID", "tokenId")]]
    assert ApiToken.objects.count() == 2


def test_expired_token_is_not_rotated(client_of: ClientOf, alice: User) -> None:
    make_api_token(alice, "profile:read", days=-1)
    token = ApiToken.objects.get()
    assert rotate(client_of(alice), token).problems == [("NOT_FOUND", "tokenId")]
    assert ApiToken.objects.count() == 1


def test_administrators_cannot_rotate_tokens_of_users(
    client_of: ClientOf, alice: User, root: User
) -> None:
    make_api_token(alice, "profile:read")
    token = ApiToken.objects.get()
    assert rotate(client_of(root), token).codes == ["FORBIDDEN"]
    assert ApiToken.objects.get().rotated_at is None
    answer = client_of(root)("query ($id: ID!) { node(id: $id) { id } }", id=node_id(token))
    assert answer.data == {"node": {"id": node_id(token)}}
