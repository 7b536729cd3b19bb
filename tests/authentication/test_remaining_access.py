"""What still gives access after a password reset, and its revocation."""

import datetime as dt
from typing import Any

from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from tests.accounts.test_email_addresses import give_address
from tests.authentication.test_passwords import NEW, events, give_reset
from tests.support.client import GraphQLClient
from tests.support.factories import make_api_token, make_factors, make_user
from tests.support.sink import Sink
from users.accounts.models import User
from users.activity.tags import Tag
from users.authentication.models import ApiToken, Passkey
from users.privacy.models import DataExport

RESET = """
    mutation ($token: String!, $new: String!, $revoke: Boolean! = false) {
      resetPassword(input: {token: $token, newPassword: $new, revoke: $revoke}) {
        remainingAccess { apiTokens passkeys authenticatorApps dataExports emailAddresses }
        errors { code field }
      }
    }
"""
ALL = {
    "apiTokens": 2,
    "passkeys": 3,
    "authenticatorApps": 1,
    "dataExports": 1,
    "emailAddresses": 2,
}
NOTHING = dict.fromkeys(ALL, 0)


def give_access(user: User) -> DataExport:
    """Give the user what `ALL` counts, and a token that has expired."""
    for days in (1, 30, -1):
        make_api_token(user, "users:read", days=days, name=f"Token {days}")
    make_factors(user, passkeys=3)
    for number in range(2):
        give_address(user, f"other{number}@example.net")
    soon = timezone.now() + dt.timedelta(days=1)
    export = DataExport(user=user, expires_at=soon, ready_at=timezone.now())
    export.file.save(str(export.file.name), ContentFile(b"{}"), save=False)
    export.save()
    return export


def reset(user: User, new: str = NEW, **variables: Any) -> dict[str, int] | None:
    answer = GraphQLClient()(RESET, token=give_reset(user).token, new=new, **variables)
    remaining: dict[str, int] | None = answer.data["resetPassword"]["remainingAccess"]
    return remaining


def test_reset_shows_what_still_works(alice: User, bob: User) -> None:
    give_access(alice)
    assert reset(alice) == ALL
    assert reset(bob) == NOTHING
    assert reset(alice, new="short") is None


def test_reset_revokes_what_is_no_factor(alice: User, bob: User) -> None:
    """A mailbox must not remove second factors."""
    export = give_access(alice)
    path, storage = str(export.file.name), export.file.storage
    make_api_token(bob, "users:read")
    assert reset(alice, revoke=True) == ALL | {"apiTokens": 0, "dataExports": 0}
    assert ApiToken.objects.get().user == bob
    assert Passkey.objects.filter(user=alice).count() == 3
    assert not DataExport.objects.exists()
    assert not storage.exists(path)
    assert [tag for tag, _data in events()].count(Tag.API_TOKEN_REVOKED) == 3


def test_page_shows_and_revokes(alice: User) -> None:
    give_access(alice)
    fields = {"token": give_reset(alice).token, "new_password": NEW}
    shown: Any = Client().post("/reset-password", fields)
    assert "API tokens: 2, Passkeys: 3" in shown.content.decode()
    fields = {"token": give_reset(alice).token, "new_password": NEW + "!", "revoke": "on"}
    shown = Client().post("/reset-password", fields)
    assert "API tokens" not in shown.content.decode()
    assert not ApiToken.objects.exists()


def test_notice_names_what_still_works(worker: Sink) -> None:
    alice = make_user("alice", email_verified_at=timezone.now())
    make_api_token(alice, "users:read")
    reset(alice)
    body = worker.next().get_body(("plain",))
    assert body is not None
    assert "These still work: API tokens: 1." in body.get_content()
