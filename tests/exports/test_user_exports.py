"""Exports of users: content, formats, downloads, expiry and erasure."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone

from tests.support.client import GraphQLClient
from tests.support.factories import (
    make_external_id,
    make_organization,
    make_service,
    make_token,
    make_user,
    make_user_export,
    node_id,
)
from tests.support.signing_in import tags
from tests.support.sink import Sink
from tests.support.user_exports import completed, content, rows, run_turns, start, started
from tests.support.waiting import wait_until
from users.accounts.models import EmailAddress, LastSeen, Metadata, Profile, User
from users.activity.models import Event
from users.activity.personal_data_registry import export_subject
from users.activity.tags import Tag
from users.authentication.models import Suspension
from users.exports.columns import UserColumn
from users.exports.files import delete_parts
from users.exports.models import UserExport
from users.exports.tasks import discard_user_export, prune
from users.organizations.models import Role
from users.privacy.archive import write_archive
from users.privacy.models import AccountDeletion
from users.privacy.services.erasure import erase_user


def stored(export: UserExport) -> list[str]:
    """Return the names of the parts in the storage."""
    directory = Path(settings.PRIVATE_FILES_DIR) / export.directory
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


# Content ---------------------------------------------------------------------------------


def test_worker_writes_the_file_and_mails_the_link(worker: Sink) -> None:
    root = make_user("root", is_staff=True, is_superuser=True, locale="de")
    make_user("alice")
    client = GraphQLClient(make_token(root))

    shown = start(client, search="ali").data["exportUsers"]["userExport"]

    assert (shown["fields"], shown["format"], shown["search"]) == (["USERNAME"], "CSV", "ali")
    assert shown["requester"] == {"username": "root"}
    assert (shown["url"], shown["expiresAt"]) == (None, None)
    wait_until(lambda: not UserExport.objects.live().exists())
    mail = worker.next()
    export = UserExport.objects.get()
    assert (mail["To"], mail["Subject"]) == ("root@example.org", "Ihr Export liegt bereit")
    body = mail.get_body(("plain",))
    assert body is not None
    page = f"{settings.PUBLIC_URL}/admin/exports/userexport/{export.pk}/change/"
    assert page in body.get_content()
    shown = client(
        "query ($id: ID!) { job(id: $id) { ... on UserExport { url expiresAt } } }",
        id=node_id(export),
    ).data["job"]
    assert shown["url"] == page
    assert rows(export) == [{"username": "alice"}]
    assert (export.state, export.total, export.done, export.parts) == ("completed", 1, 1, 1)


def make_everything() -> User:
    """Create a user with a value in every column."""
    alice = make_user("alice", name='Alice Ärmel, "Al"\n=1+1')
    Profile.objects.filter(user=alice).update(given_name="=cmd|' /C calc'!A0", locale="de")
    Metadata.objects.create(user=alice, public={"plan": "team"}, private={"n": [1, None]})
    LastSeen.objects.filter(user=alice).update(at="2026-01-31T12:00:00Z")
    User.objects.filter(pk=alice.pk).update(
        email_verified_at=timezone.now(), date_joined="2026-01-30T12:00:00Z", is_active=False
    )
    Suspension.objects.create(user=alice, reason="Spam")
    for name in ("@home", "Editors"):
        alice.groups.add(Group.objects.create(name=name))
    EmailAddress.objects.create(user=alice, email="a@example.net", verified_at=timezone.now())
    make_organization("Archers", alice, role=Role.OWNER)
    for source in ("shop", ""):
        make_external_id(alice, "17", source=source)
    return alice


def test_every_column_is_exported_in_both_formats(administrator: GraphQLClient) -> None:
    alice = make_everything()
    organization = alice.memberships.get().organization
    expected = {
        "id": str(alice.pk),
        "username": "alice",
        "email": "alice@example.org",
        "email_verified": True,
        "secondary_emails": ["a@example.net"],
        "name": 'Alice Ärmel, "Al"\n=1+1',
        "given_name": "=cmd|' /C calc'!A0",
        "family_name": "",
        "locale": "de",
        "time_zone": "UTC",
        "is_active": False,
        "suspended": True,
        "is_staff": False,
        "is_superuser": False,
        "groups": ["@home", "Editors"],
        "organizations": [{"id": str(organization.pk), "name": "Archers", "role": "owner"}],
        "external_ids": [{"source": "", "value": "17"}, {"source": "shop", "value": "17"}],
        "public_metadata": {"plan": "team"},
        "private_metadata": {"n": [1, None]},
        "created_at": "2026-01-30T12:00:00+00:00",
        "last_seen_at": "2026-01-31T12:00:00+00:00",
    }
    fields = [column.name for column in UserColumn]
    values = {"fields": fields, "filter": {"username": "alice"}}

    (found,) = rows(completed(administrator, format="JSON_LINES", **values))
    assert found == expected

    (found,) = rows(completed(administrator, **values))
    text = {
        name: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        if isinstance(value, bool | list | dict)
        else value
        for name, value in expected.items()
    }
    quoted = {"name": 'Alice Ärmel, "Al"\n\'=1+1', "given_name": "'=cmd|' /C calc'!A0"}
    assert found == text | quoted


def test_columns_without_a_value_are_empty(administrator: GraphQLClient, alice: User) -> None:
    LastSeen.objects.filter(user=alice).update(at=None)
    fields = ["GROUPS", "ORGANIZATIONS", "PUBLIC_METADATA", "LAST_SEEN_AT", "SUSPENDED"]
    values: dict[str, Any] = {"fields": fields, "filter": {"username": "alice"}}
    export = completed(administrator, **values)
    assert content(export) == (
        b"groups,organizations,public_metadata,last_seen_at,suspended,quoted_formulas\r\n"
        b"[],[],{},,false,1\r\n"
    )
    (found,) = rows(completed(administrator, format="JSON_LINES", **values))
    assert found == {
        "groups": [],
        "organizations": [],
        "public_metadata": {},
        "last_seen_at": None,
        "suspended": False,
    }


def test_service_accounts_erased_and_later_users_are_left_out(
    administrator: GraphQLClient, alice: User, bob: User
) -> None:
    make_service("robot")
    User.objects.filter(pk=bob.pk).update(erased_at=timezone.now(), is_active=False)
    export = started(administrator)
    make_user("late")
    run_turns()
    export.refresh_from_db()
    assert {row["username"] for row in rows(export)} == {"alice", "root"}


def test_an_empty_selection_is_a_file_with_headers(administrator: GraphQLClient) -> None:
    export = completed(administrator, search="unknown")
    assert (export.state, export.total, export.parts) == ("completed", 0, 0)
    assert content(export) == b"username,quoted_formulas\r\n"
    assert content(completed(administrator, search="unknown", format="JSON_LINES")) == b""


def test_events_are_recorded_without_personal_data(
    administrator: GraphQLClient, root: User, alice: User
) -> None:
    export = completed(administrator, search="alice", fields=["EMAIL"])
    begun, ended = Event.objects.order_by("pk")
    assert (begun.tag, begun.actor_id) == (Tag.USER_EXPORT_STARTED, root.pk)
    assert begun.data == {"user_export": str(export.pk), "columns": ["email"], "format": "csv"}
    assert (ended.tag, ended.actor_id) == (Tag.USER_EXPORT_FINISHED, None)
    assert (ended.data["user_export"], ended.data["done"]) == (str(export.pk), 1)


# Refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [[], ["EMAIL", "USERNAME", "EMAIL"]])
def test_missing_and_repeated_columns_are_refused(
    administrator: GraphQLClient, fields: list[str]
) -> None:
    assert start(administrator, fields=fields).problems == [("VALUE_INVALID", "fields")]
    assert not UserExport.objects.exists()
    assert tags() == []


@pytest.mark.parametrize("values", [{"search": ""}, {"filter": {"or": []}}])
def test_invalid_selections_are_refused(
    administrator: GraphQLClient, values: dict[str, Any]
) -> None:
    assert start(administrator, **values).codes == ["ARGUMENT_INVALID"]
    assert not UserExport.objects.exists()


def test_a_second_export_waits_for_the_first(administrator: GraphQLClient) -> None:
    started(administrator)
    assert start(administrator).problems == [("USER_EXPORT_RUNNING", "")]
    assert UserExport.objects.count() == 1
    run_turns()
    assert start(administrator).problems == []


# Expiry and erasure ----------------------------------------------------------------------


def test_expired_files_are_deleted_with_their_rows(administrator: GraphQLClient) -> None:
    export, later = completed(administrator), completed(administrator)
    prune()
    assert stored(export) == ["0"]
    past = timezone.now() - settings.DATA_EXPORT_TTL - dt.timedelta(seconds=1)
    UserExport.objects.filter(pk=export.pk).update(finished_at=past)
    seen = Event.objects.count()
    prune()
    assert (stored(export), stored(later)) == ([], ["0"])
    assert UserExport.objects.get().pk == later.pk
    assert Event.objects.count() == seen


def test_files_of_canceled_exports_are_deleted(root: User) -> None:
    export = make_user_export(root, state="canceled", parts=1)
    event = Event.objects.create(tag=Tag.USER_EXPORT_CANCELED, data={"user_export": str(export.pk)})
    directory = Path(settings.PRIVATE_FILES_DIR) / export.directory
    directory.mkdir(parents=True)
    # One more than counted, of a worker that was killed.
    for name in ("0", "1"):
        (directory / name).write_text("alice")
    discard_user_export(str(event.pk))
    assert not directory.exists()


def test_completed_files_are_not_discarded(administrator: GraphQLClient) -> None:
    export = completed(administrator)
    discard_user_export(str(Event.objects.get(tag=Tag.USER_EXPORT_FINISHED).pk))
    assert stored(export) == ["0"]
    delete_parts(export.directory, export.parts)
    assert stored(export) == []


def test_exports_of_an_erased_administrator_are_deleted(
    administrator: GraphQLClient, root: User
) -> None:
    make_user("ruth", is_staff=True, is_superuser=True)
    export = completed(administrator)
    with write_archive(export_subject(root.pk)) as archive:
        (shown,) = json.load(archive)["tables"]["exports.UserExport"]
    assert (shown["state"], shown["columns"]) == ("completed", ["username"])
    assert "selection" not in shown
    User.objects.filter(pk=root.pk).update(is_active=False)
    AccountDeletion.objects.create(user=root, expires_at=root.date_joined)
    erase_user(root.pk)
    assert not UserExport.objects.exists()
    assert stored(export) == []


def test_selections_naming_an_erased_user_are_cleared(root: User, alice: User) -> None:
    naming = make_user_export(root, selection={"filter": {"conditions": {}}, "search": "alice"})
    other = make_user_export(root, selection={"filter": {"conditions": {}}, "search": "malice"})
    User.objects.filter(pk=alice.pk).update(is_active=False)
    AccountDeletion.objects.create(user=alice, expires_at=alice.date_joined)
    erase_user(alice.pk)
    naming.refresh_from_db()
    other.refresh_from_db()
    assert naming.selection is None
    assert other.selection is not None
