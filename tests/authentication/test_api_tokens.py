"""API tokens: creation, use, renaming and revocation."""

import datetime as dt
import json
import re
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from psycopg import sql

from core.outbox.models import OutboxMessage
from core.security.crypto import digest
from tests.support.api_tokens import (
    RENAME,
    REVOKE,
    assert_dead,
    create,
    created,
)
from tests.support.captured import Statements
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_api_token, make_user, node_id
from tests.support.logs import written_lines
from tests.support.signing_in import ALICE, ME, ClientOf, log_in, tags
from tests.support.sink import Sink
from users.accounts.models import User
from users.activity.models import Event, EventDetails
from users.authentication.models import ApiToken, Suspension
from users.authentication.tasks import prune_api_tokens
from users.authentication.tokens.format import is_well_formed, new_api_token

Capture = Callable[[], AbstractContextManager[Statements]]

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LIST = """
    { me { apiTokens(first: 9) { nodes { name scopes lastUsedAt } totalCount { value } } } }
"""


# Creating --------------------------------------------------------------------------------


def test_token_authenticates_its_owner(client_of: ClientOf, alice: User) -> None:
    before = timezone.now()
    answer = create(
        client_of(alice), "PROFILE_READ", "USERS_READ", name="Nightly report", expiresInDays=30
    )
    payload = answer.data["createApiToken"]
    assert payload["errors"] == []
    expires = dt.datetime.fromisoformat(payload["apiToken"].pop("expiresAt"))
    assert before < expires - dt.timedelta(days=30) < timezone.now()
    token = ApiToken.objects.get()
    assert payload["apiToken"] == {
        "id": node_id(token),
        "name": "Nightly report",
        "scopes": ["PROFILE_READ", "USERS_READ"],
        "lastUsedAt": None,
        "user": {"username": "alice"},
    }
    answer = GraphQLClient(payload["secret"])("{ me { username email } }")
    assert answer.data == {"me": {"username": "alice", "email": "alice@example.org"}}


def test_token_format_is_recognizable(client_of: ClientOf, alice: User) -> None:
    secret = created(client_of(alice))
    assert re.fullmatch(r"roster_pat_[0-9A-Za-z]{49}", secret)
    rest, digits = zlib.crc32(secret[:-6].encode()), ""
    while len(digits) < 6:
        rest, digit = divmod(rest, 62)
        digits = BASE62[digit] + digits
    assert secret.endswith(digits)


def test_secret_is_shown_once_and_not_stored(
    client_of: ClientOf, alice: User, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    client = client_of(alice)
    secret = created(client)
    GraphQLClient(secret)(ME)
    assert_dead(secret[:-1] + ("x" if secret[-1] != "x" else "y"))
    assert ApiToken.objects.get().digest == digest(secret)
    everything = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            rows = sql.SQL("SELECT row::text FROM {} row").format(sql.Identifier(table))
            cursor.execute(rows)
            everything += [row for (row,) in cursor.fetchall()]
    assert any("api_token:create" in row for row in everything)
    body = secret.removeprefix("roster_pat_")
    assert [row for row in everything if body[:20] in row] == []
    assert body[:20] not in written_lines(caplog)
    assert body[:20] not in "".join(capfd.readouterr())
    assert body[:20] not in json.dumps(client(LIST).body)


def test_event_records_the_scopes(client_of: ClientOf, alice: User) -> None:
    created(client_of(alice), "EVENTS_READ", name="Audit export")
    token = ApiToken.objects.get()
    event = Event.objects.get(tag="token:api_token:create")
    assert (event.actor_id, event.subject_id) == (alice.pk, alice.pk)
    assert event.data == {
        "token": str(token.pk),
        "scopes": ["events:read"],
        "expires": event.data["expires"],
    }
    assert EventDetails.objects.get(event=event).values["name"] == "Audit export"
    assert OutboxMessage.objects.filter(payload__event_id=str(event.pk)).count() == 1


def test_owner_is_notified_by_mail(worker: Sink) -> None:
    verified = timezone.now()
    alice = make_user("alice", name="Alice Archer", locale="de", email_verified_at=verified)
    client = GraphQLClient(log_in()["accessToken"])
    secret = created(client, "PROFILE_READ", name="Bericht")
    mail = worker.next()
    assert (mail["To"], mail["Subject"]) == (alice.email, "Ein neues API-Token für Ihr Konto")
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Bericht" in text
    assert "profile:read" in text
    assert secret[11:] not in mail.as_string()
    assert worker.is_empty()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": ""}, ("VALUE_INVALID", "name")),
        ({"name": "x" * 101}, ("VALUE_INVALID", "name")),
        ({"name": "a\0b"}, ("VALUE_INVALID", "name")),
        ({"scopes": []}, ("VALUE_INVALID", "scopes")),
        ({"expiresInDays": 0}, ("VALUE_INVALID", "expiresInDays")),
        ({"expiresInDays": -1}, ("VALUE_INVALID", "expiresInDays")),
        ({"expiresInDays": 366}, ("VALUE_INVALID", "expiresInDays")),
        ({"password": "not the password"}, ("PASSWORD_WRONG", "password")),
    ],
    ids=str,
)
def test_invalid_input_creates_no_token(
    client_of: ClientOf, alice: User, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    assert create(client_of(alice), **changes).problems == [problem]
    assert not ApiToken.objects.exists()
    assert "token:api_token:create" not in tags()


def test_maximum_lifetime_is_enforced(client_of: ClientOf, alice: User, settings: Any) -> None:
    settings.API_TOKEN_MAX_DAYS = 7
    assert create(client_of(alice)).problems == [("VALUE_INVALID", "expiresInDays")]
    created(client_of(alice), expiresInDays=7)


def test_number_of_tokens_is_limited(client_of: ClientOf, alice: User, settings: Any) -> None:
    settings.API_TOKENS_PER_OWNER = 2
    client = client_of(alice)
    make_api_token(alice, "profile:read", days=-1)
    created(client)
    created(client)
    assert create(client).problems == [("TOO_MANY_TOKENS", "")]
    assert ApiToken.objects.active().count() == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_creations_respect_the_limit(client_of: ClientOf, settings: Any) -> None:
    settings.API_TOKENS_PER_OWNER = 2
    client = client_of(make_user("alice"))
    answers = run_concurrently(*[lambda: create(GraphQLClient(client.token))] * 4)
    assert sorted(answer.problems for answer in answers) == [
        [],
        [],
        *[[("TOO_MANY_TOKENS", "")]] * 2,
    ]
    assert ApiToken.objects.count() == 2


def test_wrong_passwords_are_counted(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    for _attempt in range(10):
        assert create(client, password="wrong").problems == [("PASSWORD_WRONG", "password")]
    assert create(client, password=PASSWORD).codes == ["TOO_MANY_ATTEMPTS"]
    assert not ApiToken.objects.exists()


def test_constraints_require_scopes_and_expiry(alice: User) -> None:
    make_api_token(alice, "profile:read")
    now = timezone.now()
    changes: list[dict[str, Any]] = [{"scopes": []}, {"expires_at": now - dt.timedelta(days=1)}]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiToken.objects.update(**change)


# Using -----------------------------------------------------------------------------------


def test_token_costs_one_query_and_recording_its_use_another(
    alice: User, statements: Capture
) -> None:
    client = GraphQLClient(make_api_token(alice, "profile:read"))
    with statements() as first:
        assert client(ME).data == ALICE
    with statements() as second:
        assert client(ME).data == ALICE
    assert (len(first), len(second)) == (3, 2)
    assert first[1].startswith('UPDATE "authentication_apitoken"')
    assert "JOIN" in second[0]


def test_use_is_recorded_at_intervals(alice: User) -> None:
    client = GraphQLClient(make_api_token(alice, "profile:read"))
    before = timezone.now()
    client(ME)
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    assert before < noted < timezone.now()
    client(ME)
    assert ApiToken.objects.get().last_used_at == noted
    ApiToken.objects.update(last_used_at=noted - settings.LAST_SEEN_PRECISION)
    client(ME)
    again = ApiToken.objects.get().last_used_at
    assert again is not None
    assert again > noted


def test_wrong_checksum_is_refused_without_a_query(alice: User, statements: Capture) -> None:
    secret = make_api_token(alice, "profile:read")
    swapped = secret.replace("_pat_", "_sat_")
    flipped = secret[:20] + ("A" if secret[20] != "A" else "B") + secret[21:]
    for token in (flipped, swapped, secret[:-1], secret + "0", "roster_pat_", secret + "\u0661"):
        with statements() as captured:
            assert_dead(token.encode().decode("latin-1"))
        assert captured == []
        assert not is_well_formed(token)
    assert GraphQLClient(secret)(ME).data == ALICE


def test_unknown_token_is_refused(db: None, statements: Capture) -> None:
    with statements() as captured:
        assert_dead(new_api_token(for_service=False))
    assert len(captured) == 1


def test_expired_token_is_refused_and_removed(alice: User) -> None:
    secret = make_api_token(alice, "profile:read", days=-1)
    kept = make_api_token(alice, "profile:read")
    assert_dead(secret)
    assert GraphQLClient(kept)(ME).status == 200
    prune_api_tokens()
    assert ApiToken.objects.get().digest == digest(kept)


def test_token_of_a_suspended_owner_is_refused(
    client_of: ClientOf, alice: User, root: User
) -> None:
    secret = make_api_token(alice, "profile:read")
    suspend = """
        mutation ($id: ID!) {
          suspendUser(input: {userId: $id, reason: "Spam"}) { errors { code } }
        }
    """
    reactivate = "mutation ($id: ID!) { reactivateUser(input: {userId: $id}) { errors { code } } }"
    administrator = client_of(root)
    assert administrator(suspend, id=node_id(alice)).problems == []
    assert Suspension.objects.count() == 1
    assert_dead(secret)
    assert administrator(reactivate, id=node_id(alice)).problems == []
    assert GraphQLClient(secret)(ME).data == ALICE


def test_token_follows_its_owners_role(alice: User, bob: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client = GraphQLClient(make_api_token(alice, "users:read"))
    query = "query ($id: ID!) { user(id: $id) { email } }"
    assert client(query, id=node_id(bob)).data == {"user": {"email": "bob@example.org"}}
    User.objects.filter(pk=alice.pk).update(is_staff=False)
    assert client(query, id=node_id(bob)).data == {"user": {"email": None}}


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/"])
def test_token_works_only_for_the_api(root: User, path: str) -> None:
    secret = make_api_token(root, "users:read", "users:write")
    client = GraphQLClient(secret)
    response = client.http.get(path, headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 302
    assert "/admin/login/" in response.headers["Location"]
    assert client(ME).data == {"me": {"username": "root"}}


def test_events_name_the_token(alice: User) -> None:
    secret = make_api_token(alice, "profile:write")
    answer = GraphQLClient(secret)(
        'mutation { updateProfile(input: {bio: "Shoots."}) { errors { code } } }'
    )
    assert answer.problems == []
    event = Event.objects.get()
    assert event.data == {"fields": ["bio"], "by_token": str(ApiToken.objects.get().pk)}
    assert (event.actor_id, event.session_id) == (alice.pk, None)


# Renaming and revoking -------------------------------------------------------------------


def test_token_is_renamed(client_of: ClientOf, alice: User) -> None:
    make_api_token(alice, "profile:read", name="CI")
    token = ApiToken.objects.get()
    client = client_of(alice)
    answer = client(RENAME, id=node_id(token), name="Deployment")
    assert answer.data["renameApiToken"] == {"apiToken": {"name": "Deployment"}, "errors": []}
    event = Event.objects.get()
    assert (event.tag, event.data) == ("token:api_token:rename", {"token": str(token.pk)})
    assert event.personal_values["old"] == "CI"
    client(RENAME, id=node_id(token), name="Deployment")
    assert Event.objects.count() == 1
    assert client(RENAME, id=node_id(token), name="").problems == [("VALUE_INVALID", "name")]


def test_revoked_token_stops_immediately(client_of: ClientOf, alice: User) -> None:
    secret = make_api_token(alice, "profile:read")
    token = ApiToken.objects.get()
    assert GraphQLClient(secret)(ME).data == ALICE
    client = client_of(alice)
    assert client(REVOKE, id=node_id(token)).problems == []
    assert_dead(secret)
    assert client(LIST).data["me"]["apiTokens"]["nodes"] == []
    assert tags() == ["token:api_token:revoke"]
    assert client(REVOKE, id=node_id(token)).problems == [("NOT_FOUND", "tokenId")]
    assert tags() == ["token:api_token:revoke"]


def test_tokens_of_others_are_not_found(
    client_of: ClientOf, alice: User, bob: User, sam: User, root: User
) -> None:
    secret = make_api_token(alice, "profile:read")
    id_ = node_id(ApiToken.objects.get())
    query = "query ($id: ID!, $user: ID!) { node(id: $id) { id } user(id: $user) { username } }"
    for user in (bob, sam):
        client = client_of(user)
        assert client(query, id=id_, user=node_id(bob)).data["node"] is None
        for mutation in (REVOKE, RENAME.replace("$name: String!", '$name: String! = "X"')):
            assert client(mutation, id=id_).problems == [("NOT_FOUND", "tokenId")]
    assert GraphQLClient(secret)(ME).data == ALICE
    tokens = "query ($id: ID!) { user(id: $id) { apiTokens(first: 9) { nodes { name } } } }"
    assert client_of(sam)(tokens, id=node_id(alice)).data["user"]["apiTokens"]["nodes"] == []
    assert client_of(root)(tokens, id=node_id(alice)).data["user"]["apiTokens"]["nodes"] != []
    assert client_of(root)(REVOKE, id=id_).problems == []
    assert_dead(secret)


def test_list_has_active_tokens_newest_first(client_of: ClientOf, alice: User, bob: User) -> None:
    make_api_token(alice, "users:write", name="old")
    make_api_token(alice, "users:write", name="gone", days=-1)
    make_api_token(bob, "users:write", name="his")
    make_api_token(alice, "users:write", name="new")
    tokens = client_of(alice)(LIST).data["me"]["apiTokens"]
    assert [node["name"] for node in tokens["nodes"]] == ["new", "old"]
    assert tokens["nodes"][0]["scopes"] == ["USERS_WRITE"]
    assert tokens["totalCount"] == {"value": 2}
