"""Data exports: complete, and accessible to their user only."""

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.security.actor import Actor
from tests.privacy.test_deletion import make_due, schedule
from tests.support import canaries
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import (
    PASSWORD,
    make_cookie_session,
    make_factors,
    make_organization,
    make_organization_invitation,
    make_token,
    make_user,
    node_id,
)
from tests.support.full_life import create_full_account
from tests.support.signing_in import tags
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from users.accounts.models import User
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import Session
from users.organizations.models import Role
from users.privacy import archive
from users.privacy.models import AccountDeletion, DataExport
from users.privacy.services.erasure import erase_user
from users.privacy.services.export import complete_data_export
from users.privacy.tasks import prune_exports

ClientOf = Callable[[User], GraphQLClient]

REQUEST = """
    mutation { requestDataExport {
      user { dataExports { requestedAt readyAt expiresAt } } errors { code }
    } }
"""
STATE = "query ($id: ID!) { user(id: $id) { dataExports { readyAt } } }"


@pytest.fixture(autouse=True)
def _remove_export_files() -> Iterator[None]:
    yield
    shutil.rmtree(Path(settings.PRIVATE_FILES_DIR) / "exports", ignore_errors=True)


def request(user: User) -> DataExport:
    answer = GraphQLClient(make_token(user))(REQUEST)
    assert answer.problems == []
    export: DataExport = DataExport.objects.filter(user=user).latest("pk")
    return export


def complete(user: User) -> DataExport:
    """Complete an export as the task does."""
    export = request(user)
    complete_data_export(export.pk)
    export.refresh_from_db()
    return export


def fetch(token: str, password: str = PASSWORD) -> HttpResponseBase:
    """Download an export without being signed in."""
    return Client().post("/data-export", {"token": token, "password": password})


def path_of(export: DataExport) -> Path:
    return Path(settings.PRIVATE_FILES_DIR) / str(export.file.name)


def read(export: DataExport) -> dict[str, Any]:
    exported: dict[str, Any] = json.loads(path_of(export).read_text(encoding="utf-8"))
    return exported


# Request and download --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "subject"), [("en", "Your data is ready"), ("de", "Ihre Daten liegen bereit")]
)
def test_the_link_to_the_file_is_mailed(worker: Sink, locale: str, subject: str) -> None:
    alice = make_user("alice", locale=locale)
    client = GraphQLClient(make_token(alice))

    answer = client(REQUEST)

    assert answer.problems == []
    (state,) = answer.data["requestDataExport"]["user"]["dataExports"]
    assert state["readyAt"] is None
    mail = worker.next()
    export = DataExport.objects.get()
    assert (mail["To"], mail["Subject"]) == ("alice@example.org", subject)
    body = mail.get_body(("plain",))
    assert body is not None
    assert f"{settings.PUBLIC_URL}/data-export#token={export.token}" in body.get_content()
    assert tags()[:2] == [Tag.DATA_EXPORT_REQUESTED, Tag.DATA_EXPORT_COMPLETED]
    # Neither outbox messages nor events contain the token.
    assert canaries.in_database([export.token]) == set()
    (state,) = client(STATE, id=node_id(alice)).data["user"]["dataExports"]
    assert state["readyAt"] is not None

    response = fetch(export.token)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    day = f"{export.ready_at:%Y-%m-%d}"
    assert response["Content-Disposition"] == f'attachment; filename="roster-{day}.json"'
    assert "no-store" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    exported = json.loads(b"".join(response.streaming_content))  # type: ignore[attr-defined]
    assert exported["tables"]["accounts.User"][0]["username"] == "alice"
    assert tags()[-1] == Tag.DATA_EXPORT_FETCHED


def test_link_opens_for_its_user_alone(transactional_db: None) -> None:
    """A mail may be forwarded, or read by others."""
    alice = make_user("alice")
    export = complete(alice)
    for password, message in (("", "Sign in to your account"), ("wrong", "not your current")):
        refused: Any = fetch(export.token, password)
        assert (refused.status_code, message in refused.content.decode()) == (400, True)
    visitor = Client()
    visitor.cookies[settings.SESSION_COOKIE] = make_cookie_session(make_user("bob"))
    assert visitor.post("/data-export", {"token": export.token}).status_code == 400
    assert Tag.DATA_EXPORT_FETCHED not in tags()
    visitor.cookies[settings.SESSION_COOKIE] = make_cookie_session(alice)
    response: Any = visitor.post("/data-export", {"token": export.token})
    assert json.loads(b"".join(response.streaming_content)) == read(export)


def test_password_does_not_stand_in_for_a_second_factor(transactional_db: None) -> None:
    alice = make_user("alice")
    export = complete(alice)
    make_factors(alice)
    refused: Any = fetch(export.token)
    assert refused.status_code == 400
    assert "with your second factor" in refused.content.decode()
    assert Tag.DATA_EXPORT_FETCHED not in tags()


def test_export_file_name_is_unguessable(transactional_db: None) -> None:
    export = complete(make_user("alice"))
    path = path_of(export)
    assert len(path.stem) == 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for url in (f"/{export.file.name}", f"/static/{export.file.name}", "/data-export"):
        assert b"alice" not in b"".join(Client().get(url))


def test_export_contains_all_personal_data(worker: Sink, root: User) -> None:
    user = create_full_account(root)
    wait_until(lambda: not OutboxMessage.objects.exists())
    # Undo the deletion at the end of a full life, and the second factor, which the request would
    # require.
    AccountDeletion.objects.all().delete()
    User.objects.filter(pk=user.pk).update(is_active=True, second_factors=[])
    session = Session.objects.create(
        user=user, ip=canaries.IP, user_agent=canaries.AGENT, expires_at=timezone.now()
    )

    export = complete(user)

    text = path_of(export).read_text(encoding="utf-8")
    for canary in canaries.TEXTS:
        assert canary.lower() in text.lower(), canary
    for secret in (User.objects.get(pk=user.pk).password, export.token, str(export.nonce)):
        assert secret not in text
    tables = json.loads(text)["tables"]
    assert session.pk.hex in {
        row["id"].replace("-", "") for row in tables["authentication.Session"]
    }
    assert tables["accounts.User_groups"] == [{"group__name": "Singers"}]
    assert {
        row["organization__name"] for row in tables["organizations.OrganizationInvitation"]
    } == {
        *("Choir", "Orchestra"),
    }
    about = {row["tag"] for row in tables["activity.Event"]}
    assert {Tag.SIGN_UP_REQUESTED, Tag.LOGGED_IN, Tag.USER_SUSPENDED} <= about


def test_export_contains_no_data_of_others(transactional_db: None) -> None:
    alice, root = make_user("alice"), make_user("root", is_superuser=True)
    by_root = Actor(user_id=root.pk, ip="192.0.2.66", user_agent="Lynx")
    record(Tag.USERNAME_CHANGED, actor=by_root, subject_id=alice.pk, personal={"old": "alicia"})
    by_alice = Actor(user_id=alice.pk, ip="192.0.2.1")
    record(Tag.EMAIL_CHANGED, actor=by_alice, subject_id=root.pk, personal={"old": "secret"})
    make_organization_invitation(
        make_organization("Archers", root), root, email="unverified@example.org"
    )
    User.objects.filter(pk=alice.pk).update(email="unverified@example.org")

    tables = read(complete(alice))["tables"]

    shown = {row["tag"]: (row["by_yourself"], row["personal"]) for row in tables["activity.Event"]}
    assert shown[Tag.USERNAME_CHANGED] == (False, {"old": "alicia"})
    assert shown[Tag.EMAIL_CHANGED] == (True, {"ip": "192.0.2.1"})
    # Data about an unverified address may be another user's.
    assert tables["organizations.OrganizationInvitation"] == []
    text = json.dumps(tables)
    for others in ("192.0.2.66", "Lynx", "secret", str(root.pk)):
        assert others not in text


def test_export_is_streamed_in_batches(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BATCH", 3)
    alice = make_user("alice")
    alice.groups.add(*(Group.objects.create(name=f"Group {number}") for number in range(7)))
    for number in range(10):
        record(Tag.LOGGED_IN, actor=Actor(user_id=alice.pk), subject_id=alice.pk, number=number)

    tables = read(complete(alice))["tables"]

    assert len(tables["accounts.User_groups"]) == 7
    numbers = [row["data"].get("number") for row in tables["activity.Event"]]
    assert numbers == [*range(10), None]


# Rate limits and access ------------------------------------------------------------------


def test_only_one_export_at_a_time(transactional_db: None) -> None:
    alice = make_user("alice")
    clients = [GraphQLClient(make_token(alice)) for _number in range(3)]
    answers = run_concurrently(*[lambda client=client: client(REQUEST) for client in clients])
    assert [answer.problems for answer in answers] == [[], [], []]
    assert request(alice)
    assert DataExport.objects.count() == 1
    assert tags() == [Tag.DATA_EXPORT_REQUESTED]


def test_exports_are_rate_limited(transactional_db: None) -> None:
    alice = make_user("alice")
    for _number in range(3):
        complete(alice)
    assert GraphQLClient(make_token(alice))(REQUEST).codes == ["TOO_MANY_ATTEMPTS"]
    assert DataExport.objects.count() == 3


def test_second_worker_does_nothing(transactional_db: None) -> None:
    export = complete(make_user("alice"))
    before = path_of(export).read_bytes()
    complete_data_export(export.pk)
    assert path_of(export).read_bytes() == before
    assert Event.objects.filter(tag=Tag.DATA_EXPORT_COMPLETED).count() == 1


def test_export_is_rewritten_after_a_killed_worker(transactional_db: None) -> None:
    export = request(make_user("alice"))
    path = path_of(export)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"half')
    complete_data_export(export.pk)
    assert read(export)["format"] == "roster-export/1"
    assert [each for each in path.parent.iterdir() if path.stem in each.name] == [path]


def test_staff_cannot_see_or_fetch_exports(client_of: ClientOf, alice: User, root: User) -> None:
    DataExport.objects.create(
        user=alice, expires_at=timezone.now() + dt.timedelta(days=1), ready_at=timezone.now()
    )
    state = client_of(root)(STATE, id=node_id(alice))
    assert state.data == {"user": {"dataExports": []}}
    own = client_of(alice)(STATE, id=node_id(alice))
    assert len(own.data["user"]["dataExports"]) == 1


# Expiry ----------------------------------------------------------------------------------


def test_expired_export_is_refused_and_removed(transactional_db: None) -> None:
    export, kept = complete(make_user("alice")), complete(make_user("bob"))
    DataExport.objects.filter(pk=export.pk).update(expires_at=timezone.now())
    assert fetch(export.token).status_code == 400

    prune_exports()

    assert list(DataExport.objects.all()) == [kept]
    assert not path_of(export).exists()
    assert path_of(kept).exists()
    response: Any = fetch(kept.token)
    assert json.loads(b"".join(response.streaming_content)) == read(kept)


@pytest.mark.parametrize("token", ["x", ""])
def test_other_tokens_open_nothing(transactional_db: None, token: str) -> None:
    complete(make_user("alice"))
    before = tags()
    assert fetch(token).status_code == 400
    assert tags() == before


def test_unfinished_export_cannot_be_fetched(transactional_db: None) -> None:
    export = request(make_user("alice"))
    assert fetch(export.token).status_code == 400


def test_export_is_erased_with_the_account(transactional_db: None) -> None:
    alice = make_user("alice")
    make_organization("Archers", alice, role=Role.MEMBER)
    ready = complete(alice)
    pending = request(alice)
    schedule(alice)
    assert fetch(ready.token).status_code == 400
    complete_data_export(pending.pk)
    make_due(alice)

    erase_user(alice.pk)

    assert not DataExport.objects.exists()
    assert not path_of(ready).exists()
    assert not path_of(pending).exists()
